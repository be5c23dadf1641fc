import { describe, expect, it } from 'vitest'
import { RetryBudget } from '../../src/core/retry-budget'

const DEFAULTS = { tokens: 5, maxTokens: 100, perSuccess: 0.1, perSecond: 0.05 }

describe('RetryBudget', () => {
  it('gives its start tokens, then none', () => {
    const budget = new RetryBudget(DEFAULTS)
    expect(Array.from({ length: 7 }, () => budget.take(0))).toEqual([true, true, true, true, true, false, false])
  })

  it('takes nothing when there is less than one token', () => {
    const budget = new RetryBudget({ ...DEFAULTS, tokens: 0.9, perSecond: 0 })
    expect(budget.take(0)).toBe(false)
    expect(budget.available(0)).toBe(0.9)
  })

  it('gains with time: one token in 20 s', () => {
    const budget = new RetryBudget({ ...DEFAULTS, tokens: 0 })
    expect(budget.take(1000)).toBe(false)
    expect(budget.take(20_999)).toBe(false)
    expect(budget.take(21_000)).toBe(true)
    expect(budget.take(21_001)).toBe(false)
  })

  it('gains with successes: one token for ten', () => {
    const budget = new RetryBudget({ ...DEFAULTS, tokens: 0, perSecond: 0 })
    for (let good = 0; good < 9; good += 1) budget.success(0)
    expect(budget.take(0)).toBe(false)
    budget.success(0)
    expect(budget.take(0)).toBe(true)
    expect(budget.available(0)).toBe(0)
  })

  it('holds no more than its maximum', () => {
    const budget = new RetryBudget({ ...DEFAULTS, tokens: 500, maxTokens: 10 })
    expect(budget.available(0)).toBe(10)
    expect(budget.available(3_600_000)).toBe(10)
    budget.success(3_600_000)
    expect(budget.available(3_600_000)).toBe(10)
  })

  it('counts from its first use, whatever the clock says then, and never backwards', () => {
    const budget = new RetryBudget({ ...DEFAULTS, tokens: 1 })
    expect(budget.available(1_000_000)).toBe(1)
    expect(budget.available(900_000)).toBe(1)
  })
})
