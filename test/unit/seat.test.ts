/** Interleavings that once went wrong: each is a story of a seat, played in virtual time. */
import { describe, expect, test } from 'vitest'
import { PoolWorld, UCC } from './pool-world'

const MINUTE = 60_000
const BROKEN = { type: 'closed', code: 1006 } as const

/** A client with a live connection to srv1. */
function settled(servers: readonly string[] = ['srv1', 'srv2']) {
  const [first] = servers
  const world = new PoolWorld(servers)
  const client = world.open()
  world.until('attached', () => client.at === first, 1000)
  world.run(10_000)
  return { world, client, seat: { seat: client.seat } }
}

function conditions(world: PoolWorld): string[] {
  return world.all('condition').map(({ condition }) => condition.is)
}

describe('the connection that was nearly left', () => {
  test('died while nobody ran the UCC: it is redialled, not believed, when the UCC runs again', () => {
    const { world, client, seat } = settled()
    for (const name of ['srv1', 'srv2']) Object.assign(world.server(name), { state: 'stopped', beats: 'none' })
    world.feed({
      type: 'readiness',
      endpointId: 'srv1',
      server: 'srv1',
      ucc: UCC,
      state: 'stopped',
      via: 'status',
    })
    world.run(3000)
    client.silent = true
    world.feed({ type: 'seat-suspect', ...seat, lastProof: world.now })
    world.feed({ type: 'seat-unanswered', ...seat, lastProof: world.now })
    const before = world.moves.length
    Object.assign(world.server('srv1'), { state: 'running', beats: 'running' })
    world.run(5000)
    expect(world.moves.slice(before).map(({ plan }) => [plan.kind, plan.to, plan.makeBeforeBreak])).toEqual([
      ['redial', 'srv1', false],
    ])
  })

  test('was given up by a dial: an own pause brings nobody back to it', () => {
    const { world, client, seat } = settled()
    world.server('srv1').fails = 'timeout'
    client.silent = true
    world.feed({ type: 'seat-suspect', ...seat, lastProof: world.now })
    world.feed({ type: 'seat-unanswered', ...seat, lastProof: world.now })
    world.until('dialled', () => world.moves.at(-1)?.plan.to === 'srv2', 3000)
    const plan = world.moves.at(-1)?.plan
    world.feed({ type: 'seat-failed', ...seat, move: plan?.id ?? 0, cause: BROKEN })
    client.move = undefined
    world.feed({ type: 'pause', lateMs: 5000 })
    expect(world.machine.seat(client.seat)?.place.is).toBe('searching')
  })
})

describe('a seat that only routes requests', () => {
  test('stays with an endpoint that answers while nobody else could serve, without a storm', () => {
    const world = new PoolWorld(['srv1', 'srv2'])
    world.server('srv2').state = 'stopped'
    const client = world.open()
    world.until('settled', () => client.at === 'srv1' || world.moves.length > 0, 1000)
    const move = world.moves.at(-1)?.plan.id ?? 0
    world.feed({ type: 'seat-committed', seat: client.seat, move, live: false })
    for (let count = 0; count < 5; count += 1) {
      const failure = { kind: 'reset', sent: 'maybe', message: 'reset' } as const
      world.evidence('srv1', { type: 'failure', failure })
    }
    expect(world.machine.judge.roster.get('srv1')?.breaker.state.is).toBe('open')
    const { length } = world.probes
    const told = conditions(world).length
    world.run(MINUTE)
    expect(world.probes.length - length).toBeLessThan(100)
    expect(conditions(world).length - told).toBeLessThanOrEqual(2)
  })
})

describe('a seat that only routed requests and needs a connection', () => {
  /** Its last proof is old: nobody looks at a hidden page, and it asks seldom. */
  function routing(): { world: PoolWorld; client: ReturnType<PoolWorld['open']> } {
    const world = new PoolWorld(['srv1', 'srv2'])
    const client = world.open({ live: false })
    world.until('routed', () => client.at === 'srv1', 1000)
    world.feed({ type: 'hidden', hidden: true })
    world.run(10_000)
    return { world, client }
  }

  test('waits for the server in use, which answers late: no failover', () => {
    const { world, client } = routing()
    world.server('srv1').rttMs = 700
    world.feed({ type: 'seat-live', seat: client.seat })
    world.until('dialled', () => world.moves.length > 1, 3000)
    expect(world.moves.at(-1)?.plan).toMatchObject({ kind: 'redial', to: 'srv1' })
    expect(world.all('left')).toEqual([])
  })

  test('no longer than for any probe: then the other one', () => {
    const { world, client } = routing()
    world.server('srv1').fails = 'timeout'
    world.feed({ type: 'seat-live', seat: client.seat })
    const waited = world.until('dialled', () => world.moves.length > 1, 3000)
    expect(world.moves.at(-1)?.plan).toMatchObject({ kind: 'failover', to: 'srv2' })
    expect(waited).toBeLessThanOrEqual(1510)
  })

  test('no time at all where the server in use refuses', () => {
    const { world, client } = routing()
    world.server('srv1').fails = 'refused'
    world.feed({ type: 'seat-live', seat: client.seat })
    expect(world.until('dialled', () => world.moves.length > 1, 3000)).toBeLessThan(600)
  })
})

describe('the way back', () => {
  test('after a switchover waits for the hold-down, though the old side was ready all along', () => {
    const { world, client, seat } = settled()
    world.run(10 * MINUTE)
    world.feed({ type: 'ask-move', ...seat, call: 1, wish: 'switchover', to: 'srv2', hold: false })
    world.until('moved', () => client.at === 'srv2', 1000)
    world.run(59_000)
    expect(client.at).toBe('srv2')
    world.run(2 * MINUTE)
    expect(client.at).toBe('srv1')
    expect(world.moves.at(-1)?.plan.kind).toBe('failback')
  })
})

describe('a call of switchover()', () => {
  const ends = (world: PoolWorld): unknown[] => [
    ...world.all('move-accepted').map(({ call, move }) => ['accepted', call, move]),
    ...world.all('move-refused').map(({ call }) => ['refused', call]),
  ]

  test('is refused while another move is under way, and the first one is answered', () => {
    const { world, seat } = settled(['srv1', 'srv2', 'srv3'])
    world.feed({ type: 'ask-move', ...seat, call: 1, wish: 'switchover', to: 'srv2', hold: false })
    world.feed({ type: 'ask-move', ...seat, call: 2, wish: 'switchover', to: 'srv3', hold: false })
    world.run(1000)
    expect(ends(world)).toEqual([
      ['accepted', 1, 2],
      ['refused', 2],
    ])
  })

  test('is answered by the failover that brought the client there all the same', () => {
    const { world, client, seat } = settled()
    world.server('srv2').rttMs = 400
    world.feed({ type: 'ask-move', ...seat, call: 1, wish: 'switchover', to: 'srv2', hold: false })
    world.run(10)
    world.server('srv1').fails = 'refused'
    world.lose(client, BROKEN)
    world.server('srv2').rttMs = 5
    world.until('moved', () => client.at === 'srv2', 5000)
    const accepted = world.all('move-accepted')
    expect(accepted.at(-1)).toMatchObject({ call: 1, move: world.moves.at(-1)?.plan.id })
  })

  test('goes at once though the server drains', () => {
    const { world, client, seat } = settled()
    world.feed({ type: 'goaway', ...seat, leaveWithinMs: 20_000, spreadMs: 8000 })
    world.feed({ type: 'ask-move', ...seat, call: 1, wish: 'switchover', to: 'srv2', hold: false })
    world.until('moved', () => client.at === 'srv2', 100)
    expect(ends(world)).toEqual([['accepted', 1, world.moves.at(-1)?.plan.id]])
  })
})

describe('what else is judged', () => {
  test('two roads to one server: the one that answers is taken when the other goes black', () => {
    const world = new PoolWorld(['srv1', 'srv2'])
    world.repoint('srv2', 'srv1')
    const client = world.open()
    world.until('attached', () => client.at === 'srv1', 1000)
    world.run(5000)
    world.feed({ type: 'seat-suspect', seat: client.seat, lastProof: world.now })
    world.feed({ type: 'seat-unanswered', seat: client.seat, lastProof: world.now })
    world.until('a decision', () => world.moves.at(-1)?.plan.reason === 'connection-broken', 3000)
    expect(world.moves.at(-1)?.plan.kind).toBe('redial')
  })

  // fault-matrix: 30, 32
  test('a re-pointed endpoint whose old server stops: the new one is dialled through it', () => {
    const { world, client } = settled(['vip', 'srv2', 'srv3'])
    Object.assign(world.server('srv2'), { state: 'stopped' })
    world.repoint('vip', 'srv3')
    world.until('seen', () => world.machine.judge.roster.get('vip')?.server === 'srv3', 20_000)
    expect(client.at).toBe('vip')
    world.feed({ type: 'readiness', endpointId: 'vip', server: 'vip', ucc: UCC, state: 'stopped', via: 'status' })
    world.until('dialled', () => world.moves.at(-1)?.plan.reason === 'ucc-stopped', 3000)
    expect(world.moves.at(-1)?.plan.kind).toBe('failover')
  })

  // fault-matrix: 30
  test('a re-pointed endpoint whose new server has the higher term is followed, make-before-break', () => {
    const { world } = settled(['vip', 'srv2'])
    Object.assign(world.server('vip'), { term: 1 })
    world.run(3000)
    Object.assign(world.server('srv2'), { term: 2, fails: undefined })
    world.repoint('vip', 'srv2')
    world.until('followed', () => world.moves.at(-1)?.plan.makeBeforeBreak === true, 40_000)
  })

  test.each([
    ['with equal terms', 7],
    ['without terms', undefined],
  ])(
    'a re-pointed endpoint whose new server runs as well, %s, is followed when it has answered twice',
    (_what, term) => {
      const { world, client } = settled(['vip', 'srv2'])
      for (const name of ['vip', 'srv2']) Object.assign(world.server(name), { term })
      world.run(20_000)
      const before = world.moves.length
      world.repoint('vip', 'srv2')
      world.until('seen', () => world.machine.judge.roster.get('vip')?.server === 'srv2', 20_000)
      world.run(1900)
      expect(world.moves).toHaveLength(before)
      world.until('followed', () => world.moves.length > before, 1000)
      const plan = world.moves.at(-1)?.plan
      expect([plan?.reason, plan?.to, plan?.makeBeforeBreak]).toEqual(['designation', 'vip', true])
      expect(client.at).toBe('vip')
    },
  )

  test('a load balancer that shares connections out between two running servers moves nobody', () => {
    const { world } = settled(['vip', 'srv2'])
    for (const name of ['vip', 'srv2']) Object.assign(world.server(name), { term: 7 })
    world.run(20_000)
    const before = world.moves.length
    for (let time = 0; time < 20; time += 1) {
      world.repoint('vip', time % 2 === 0 ? 'srv2' : 'vip')
      world.until(
        'seen',
        () => world.machine.judge.roster.get('vip')?.server === (time % 2 === 0 ? 'srv2' : 'vip'),
        20_000,
      )
      world.run(time === 0 ? 500 : 7000)
    }
    expect(world.moves).toHaveLength(before)
  })

  test('an endpoint that no source names any more is left', () => {
    const { world, client } = settled()
    const [, other] = ['srv1', 'srv2']
    const seeds = [{ id: 'srv2', url: 'https://srv2.test', name: other ?? '', rank: 1 }]
    world.feed({ type: 'endpoints', source: 'configured', seeds })
    world.until('left', () => client.at === 'srv2', MINUTE)
    expect(world.moves.at(-1)?.plan.kind).toBe('switchover')
  })
})
