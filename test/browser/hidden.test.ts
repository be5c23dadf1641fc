/**
 * A tab in the background, its timers throttled by Chromium itself: one wake-up a second at first, and one a minute
 * after the grace period (five minutes, one second here) for timers that only arm each other.
 */
import { expect, test } from 'vitest'
import type { Cluster } from 'failover-client/testing/node'
import { compareLog, elapse, EXACT, onCleanup, reportTimes, startHarness } from '../support/harness'
import { launchPlain, type Tab } from './background-tab'
import { PAGE_SIDE, servePage } from './harness'
import type { PageSide } from './page-side'

const LOG = 'ucc/helpdesk/log'
const GRACE = 'grace_period_seconds/1/grace_period_seconds_loaded/1'
const THROTTLE = `--enable-features=IntensiveWakeUpThrottling:${GRACE},QuickIntensiveWakeUpThrottlingAfterLoading`
const HIDDEN_MS = 12_000
const FROZEN_MS = 6000

/** Another script of the page, that wakes up ten times a second where it may. */
const TICKER = `
  globalThis.ticks = 0
  const tick = () => { ticks += 1; setTimeout(tick, 100) }
  tick()
`

type Call = <Name extends keyof PageSide>(
  name: Name,
  ...parameters: Parameters<PageSide[Name]>
) => Promise<Awaited<ReturnType<PageSide[Name]>>>

interface Hidden {
  readonly tab: Tab
  readonly call: Call
  readonly generation: ReturnType<Cluster['generate']>
  /** All that was published has arrived, once and in order, and nothing went wrong in the page. */
  expectWhole(): Promise<void>
}

/** A tab behind another one, in which a client follows a log. */
async function followHidden(cluster: Cluster): Promise<Hidden> {
  const { tab, front, call } = await openTabs()
  await call('connect', { hostname: cluster.hostname, endpoints: [...cluster.endpoints], ucc: 'helpdesk' })
  await call('ready', 10_000)
  await call('recordLog', LOG)
  const generation = cluster.generate({ topic: LOG, perSecond: 50 })
  await eventually('first events', async () => (await call('deliveredCount')) > 10, 10_000)
  await tab.evaluate(TICKER)
  await front.activate()
  await eventually('the tab is hidden', () => tab.evaluate<boolean>('document.visibilityState === "hidden"'), 5000)
  return {
    ...{ tab, call, generation },
    async expectWhole() {
      const published = generation.stop()
      await eventually('all events', async () => (await call('deliveredCount')) >= published.length, 10_000)
      expect(
        compareLog(
          published,
          (await call('delivered')).map(({ key }) => key),
        ),
      ).toEqual(EXACT)
      expect(await tab.evaluate('uncaught')).toEqual([])
    },
  }
}

/** A tab with the page's side in it, and one that can be brought to the front of it. */
async function openTabs(): Promise<{ tab: Tab; front: Tab; call: Call }> {
  const served = await servePage(PAGE_SIDE)
  onCleanup(() => served.close())
  const browser = await launchPlain([THROTTLE])
  onCleanup(() => browser.close())
  const front = await browser.open('about:blank')
  const tab = await browser.open(`${served.origin}/`)
  await eventually('the page has run', () => tab.evaluate<boolean>('typeof side === "object"'), 10_000)
  const call: Call = (name, ...parameters) =>
    tab.evaluate(`Promise.resolve(side.${name}(...${JSON.stringify(parameters)}))`)
  return { tab, front, call }
}

async function eventually<T>(what: string, read: () => Promise<T>, withinMs: number): Promise<NonNullable<T>> {
  let found = await read()
  const started = performance.now()
  while (!found) {
    if (performance.now() - started > withinMs) throw new Error(`not within ${withinMs} ms: ${what}`)
    await elapse(20)
    found = await read()
  }
  return found
}

// fault-matrix: 36
test('a hidden tab stays where it is while its server lives, and leaves it when it does not', async () => {
  const { cluster } = await startHarness()
  const { tab, call, expectWhole } = await followHidden(cluster)
  const ticksBefore = await tab.evaluate<number>('ticks')
  await elapse(HIDDEN_MS)
  const ticks = (await tab.evaluate<number>('ticks')) - ticksBefore
  console.log(`a timer of 100 ms fired ${ticks} times in ${HIDDEN_MS} ms: the tab is throttled`)
  expect(ticks).toBeLessThan(1.5 * (HIDDEN_MS / 1000))
  expect(await call('said', 'failover', 'switchover', 'failback')).toEqual([])
  expect(await call('state')).toMatchObject({ state: 'connected', server: 'srv1' })

  const hung = await cluster.hang('srv1')
  const afterHang = await eventually('events from srv2', () => call('firstFrom', 'srv2', hung.at), 3 * 3000)
  reportTimes('hidden tab, hang to first event from the other server', [afterHang.at - hung.at])
  await cluster.unhang('srv1')
  const running = async (): Promise<boolean> =>
    (await call('endpoints')).every((one) => one.breaker === 'closed' && one.readiness === 'running')
  await eventually('both servers are candidates', running, 60_000)
  expect(await call('state')).toMatchObject({ state: 'connected', server: 'srv2' })
  const killed = await cluster.kill('srv2')
  const afterKill = await eventually('events from srv1', () => call('firstFrom', 'srv1', killed.at), 3 * 3000)
  reportTimes('hidden tab, kill to first event from the other server', [afterKill.at - killed.at])
  await expectWhole()
})

// fault-matrix: 36
test('a tab that was frozen blames nobody when it wakes up', async () => {
  const { cluster } = await startHarness()
  const { tab, call, expectWhole } = await followHidden(cluster)
  const before = await call('deliveredCount')
  await tab.setFrozen(true)
  await elapse(FROZEN_MS)
  await tab.setFrozen(false)
  await eventually('events again', async () => (await call('deliveredCount')) > before + 200, 10_000)
  await eventually('connected', async () => (await call('state')).state === 'connected', 10_000)
  // It was frozen indeed: nothing was delivered meanwhile.
  const times = (await call('delivered')).map(({ at }) => at)
  const longest = Math.max(...times.slice(1).map((at, index) => at - (times[index] ?? NaN)))
  console.log(`the longest pause between two events was ${longest.toFixed(0)} ms: the tab was frozen`)
  expect(longest).toBeGreaterThan(FROZEN_MS - 1000)
  expect(await call('said', 'failover', 'switchover', 'failback')).toEqual([])
  expect((await call('endpoints')).map(({ breaker }) => breaker)).toEqual(['closed', 'closed'])
  await expectWhole()
})
