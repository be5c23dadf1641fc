import { describe, expect, it } from 'vitest'
import { errorText, redact, redactError, redactFacts } from '../../src/client/redact'
import { FailoverError, isFailoverError, type FailoverErrorFields } from '../../src/errors'

const jwt = 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhZ2VudDEifQ.c2lnbmF0dXJl'

describe('redact', () => {
  it.each([
    ['Authorization: Bearer s3cr3t-value', 'Authorization: [redacted]'],
    ['authorization: Basic dXNlcjpwYXNz\nnext: line', 'authorization: [redacted]\nnext: line'],
    ['{"Authorization":"Bearer s3cr3t"}', '{"Authorization":[redacted]}'],
    ['sent Bearer s3cr3t/x+y=, refused', 'sent Bearer [redacted], refused'],
    ['Bearer token expired', 'Bearer token expired'],
    ['basic authentication failed', 'basic authentication failed'],
    ['Basic dXNlcjpwYXNz was sent', 'Basic [redacted] was sent'],
    ['Cookie: sid=s3cr3t; other=1', 'Cookie: [redacted]'],
    ['https://h/x?token=s3cr3t&a=1', 'https://h/x?token=[redacted]&a=1'],
    ['https://h/x?a=1&access_token=s3cr3t#f', 'https://h/x?a=1&access_token=[redacted]#f'],
    ['wss://h/?api_key=s3cr3t', 'wss://h/?api_key=[redacted]'],
    ['https://sts/?u=https%3A%2F%2Fh%3Ftoken%3Ds3cr3t', 'https://sts/?u=https%3A%2F%2Fh%3Ftoken%3D[redacted]'],
    ['{"type":"hello","token":"s3cr3t","ucc":"a"}', '{"type":"hello","token":[redacted],"ucc":"a"}'],
    ['"{\\"token\\":\\"s3cr3t\\",\\"a\\":1}"', '"{\\"token\\":[redacted]\\",\\"a\\":1}"'],
    ["{ token: 's3cr3t word', a: 1 }", '{ token: [redacted], a: 1 }'],
    ['sessionToken=s3cr3t', 'sessionToken=[redacted]'],
    ['x-api-key: s3cr3t', 'x-api-key: [redacted]'],
    ['client_secret=s3cr3t', 'client_secret=[redacted]'],
    ['https://me:s3cr3t@h/x', 'https://[redacted]@h/x'],
    ['https://s3cr3t@h', 'https://[redacted]@h'],
    [`closed with ${jwt}.`, 'closed with [redacted].'],
    ['to\u0000ken=s3cr3t', 'token=[redacted]'],
    ['a\u001b[31mred\r\nb', 'a[31mred\nb'],
    ['tokenExpiresInMs: 300', 'tokenExpiresInMs: 300'],
    ['https://h/@scope/x and a@b.com', 'https://h/@scope/x and a@b.com'],
    ['GET https://srv1.contoso.com:8443/failover/ready?ucc=helpdesk 503', undefined],
    ['the token was refused by srv1', undefined],
    ['', undefined],
  ])('%j', (text, expected) => {
    const result = redact(text)
    expect(result).toBe(expected ?? text)
    expect(result).not.toMatch(/s3cr3t/)
    expect(redact(result), 'redacting twice changes nothing').toBe(result)
  })

  it('removes known secrets wherever they stand, encoded too', () => {
    expect(redact('x=opaque/secret y=opaque%2Fsecret', ['opaque/secret'])).toBe('x=[redacted] y=[redacted]')
    expect(redact('a short one stays', ['a'])).toBe('a short one stays')
  })

  it('removes a known secret that a control character cuts in two', () => {
    expect(redact('x opa\u0000que-secret y', ['opaque-secret'])).toBe('x [redacted] y')
  })

  it('takes half a character in a secret', () => {
    expect(redact('x \ud800-secret y', ['\ud800-secret'])).toBe('x [redacted] y')
  })

  it('cuts long text without baring half a secret', () => {
    const long = `${'x'.repeat(3990)} https://user:s3cr3t-password@host/`
    expect(redact(long)).not.toContain('s3cr')
    expect(redact('y'.repeat(10_000))).toHaveLength(4001)
    expect(redact(`${'x'.repeat(3995)} opaque-secret`, ['opaque-secret'])).not.toContain('opaq')
  })

  it('stays quick on hostile text', () => {
    const texts = ['eyJ-', 'token', '://a', 'a-', 'Bearer ', '"', 'authorization:', 'a://b'].map((part) =>
      part.repeat(100_000 / part.length),
    )
    const started = performance.now()
    for (const text of texts) redact(text)
    // Milliseconds in practice; a catastrophic pattern would take minutes.
    expect(performance.now() - started).toBeLessThan(5000)
  })
})

describe('errors', () => {
  const cause = Object.assign(new Error('connect failed for https://u:s3cr3t@h'), { code: 'ECONNREFUSED' })

  it('become one line', () => {
    const error = new TypeError('fetch failed\n  at once', { cause })
    expect(errorText(error)).toBe('fetch failed at once: ECONNREFUSED connect failed for https://[redacted]@h')
    expect(errorText(new FailoverError('UNAUTHORIZED', 'no'))).toBe('UNAUTHORIZED no')
  })

  it('may be anything', () => {
    const angry = {
      get message(): string {
        throw new Error('s3cr3t')
      },
    }
    const things = [undefined, null, 0, 'token=s3cr3t', Symbol('x'), () => 's3cr3t', angry, {}, { message: 5 }, []]
    for (const thing of things) {
      expect(errorText(thing)).not.toBe('')
      expect(errorText(thing)).not.toContain('s3cr3t')
      expect(redactError(thing).message).not.toContain('s3cr3t')
    }
    expect(errorText(undefined)).toBe('unknown error')
  })

  it('are copied with their causes; the original is left alone', () => {
    const error = new FailoverError(
      'COMMAND_REJECTED',
      'token=s3cr3t',
      Object.assign<FailoverErrorFields, object>({ subject: 'token=s3cr3t' }, { cause }),
    )
    const copy = redactError(error)
    expect(isFailoverError(copy, 'COMMAND_REJECTED')).toBe(true)
    expect(copy).toMatchObject({ message: 'token=[redacted]', fields: { subject: 'token=[redacted]' } })
    expect(copy.cause).toMatchObject({ code: 'ECONNREFUSED', message: 'connect failed for https://[redacted]@h' })
    expect(`${copy.stack} ${(copy.cause as Error).stack}`).not.toContain('s3cr3t')
    expect(error.message).toBe('token=s3cr3t')
  })

  it('may be a ring of causes', () => {
    const ring = new Error('ring')
    ring.cause = ring
    expect(errorText(ring)).toBe('ring')
    expect(redactError(ring).message).toBe('ring')
  })

  it('facts keep their numbers', () => {
    expect(redactFacts({ url: 'https://u:p@h', n: 1, ok: true, none: undefined })).toEqual({
      url: 'https://[redacted]@h',
      n: 1,
      ok: true,
      none: undefined,
    })
  })
})
