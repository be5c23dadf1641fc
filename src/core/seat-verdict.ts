/** Is a settled place still one? What readiness and suspicion say of it, with the evidence. */
import type { Endpoint } from './endpoint'
import type { Judge } from './judge'
import type { MoveReason } from './pool-protocol'
import type { LeaveFacts } from './seat-places'
import type { OldLink, Settled, Suspicion } from './seat-state'
import type { SeatView } from './seat-view'
import type { PoolSettings } from './settings'
import { decideSuspicion, type AskedReadiness } from './suspicion'
import type { Instant } from './time'

export type Verdict =
  | { readonly is: 'serves' }
  /** Nothing is known but silence: count nothing, ask on. */
  | { readonly is: 'blind' }
  | { readonly is: 'leave'; readonly event: 'stop' | 'doubt'; readonly facts: LeaveFacts; readonly isHard: boolean }

/** Best answer first. */
const ANSWERS: readonly AskedReadiness[] = ['running', 'starting', 'stopped', 'unknown', 'none', 'refused']

export class SeatVerdicts {
  constructor(
    private readonly judge: Judge,
    private readonly ucc: string | undefined,
    private readonly view: SeatView,
    private readonly settings: PoolSettings,
  ) {}

  /** When the first other server answered what was asked because of a suspicion, if one has. */
  elsewhereAt(endpoint: Endpoint, { since }: Suspicion): Instant | undefined {
    const answered = this.#others(endpoint).filter((one) => one.answeredSince(since))
    return answered.map(({ liveness }) => (liveness.is === 'up' ? liveness.at : since)).sort((a, b) => a - b)[0]
  }

  /**
   * Until when an unanswered question is no silence. How long the answer from elsewhere took is what one takes on this
   * line just now: this server is given twice as long, for two equal ones do not answer in the same instant. An answer
   * that took very long says that the line is slow, or was gone for a moment: then it is given as long as any probe.
   * (On Wi-Fi that stalls for a second, whichever server happened to answer first won.)
   */
  heardOutAt({ since, elsewhereAt }: Suspicion): Instant {
    const { detection, health } = this.settings
    const tookMs = elsewhereAt === undefined ? 0 : elsewhereAt - since
    const isSlow = tookMs > detection.minSlackMs
    return isSlow ? since + health.timeoutMs : since + 2 * tookMs
  }

  of(now: Instant, place: Settled, endpoint: Endpoint | undefined): Verdict {
    if (endpoint === undefined) {
      const evidence = ['the endpoint was removed']
      const facts = { reason: 'endpoint-down', oldLink: 'gone', lastProof: now, evidence } as const
      return { is: 'leave', event: 'stop', facts, isHard: false }
    }
    const suspected = place.trust.is === 'trusted' ? undefined : this.#suspected(now, endpoint, place.trust)
    if (suspected !== undefined) return suspected
    // Nothing new can be known in the instant of its choice: to leave then would be to choose it again, without end.
    const isJustChosen = place.is === 'routing' && now <= place.since
    return isJustChosen || this.view.serves(place) ? { is: 'serves' } : this.#stopped(now, place, endpoint)
  }

  #stopped(now: Instant, place: Settled, endpoint: Endpoint): Verdict {
    const word = this.view.wordOf(place, endpoint)
    const isStopped = word !== undefined && !this.judge.running(word, this.ucc)
    const who = place.server ?? endpoint.server ?? endpoint.id
    const evidence = [isStopped ? `${who} says ${word.state}` : `${endpoint.seed.name} does not answer`]
    const reason = isStopped ? 'ucc-stopped' : 'endpoint-down'
    return {
      is: 'leave',
      event: 'stop',
      facts: { reason, oldLink: oldLinkOf(place), lastProof: word?.at ?? now, evidence },
      isHard: false,
    }
  }

  /** The decision table, asked of a suspected connection to this endpoint. Nothing, while it is undecided. */
  #suspected(now: Instant, endpoint: Endpoint, suspicion: Suspicion): Verdict | undefined {
    const { is, since, lastProof } = suspicion
    const current = this.#asked(endpoint, since)
    const other = this.#bestOther(endpoint, since)
    const isHeardOut = current !== 'none' || now >= this.heardOutAt(suspicion)
    const ping = is === 'unanswered' && isHeardOut ? 'none' : 'waiting'
    const { decision, hard } = decideSuspicion({ ping, current, other })
    if (decision === 'undecided') return undefined
    if (decision === 'blind') return { is: 'blind' }
    const isDown = current === 'stopped' || current === 'starting'
    const reason: MoveReason = decision === 'redial' ? 'connection-broken' : isDown ? 'ucc-stopped' : 'server-silent'
    const silence = `no frame for ${Math.round(now - lastProof)} ms, ping ${ping}`
    const evidence = [silence, `readiness here ${current}, elsewhere ${other}`]
    // An answering connection (row one) is alive; an unanswered one may only still speak.
    const oldLink = is === 'unanswered' ? 'silent' : 'alive'
    return { is: 'leave', event: 'doubt', facts: { reason, oldLink, lastProof, evidence, since }, isHard: hard }
  }

  /** What this endpoint has answered since a question. */
  #asked(endpoint: Endpoint, since: Instant): AskedReadiness {
    const answer = this.#askedHere(endpoint, since)
    if ((answer !== 'none' && answer !== 'refused') || endpoint.server === undefined) return answer
    // Another road to the same server may answer: it is the road that is broken then.
    const roads = this.judge.roster.present().filter((one) => one !== endpoint && one.server === endpoint.server)
    const other = roads.map((one) => this.#askedHere(one, since)).find((one) => one !== 'none' && one !== 'refused')
    return other ?? answer
  }

  #askedHere(endpoint: Endpoint, since: Instant): AskedReadiness {
    const word = this.judge.word(endpoint, this.ucc)
    const isDown = word !== undefined && !this.judge.running(word, this.ucc)
    if (isDown && word.at >= since) return word.state
    if (endpoint.liveness.is === 'down' && endpoint.liveness.at >= since) {
      return endpoint.liveness.kind === 'refused' ? 'refused' : 'none'
    }
    if (!endpoint.answeredSince(since)) return isDown && word.state !== 'unknown' ? word.state : 'none'
    return endpoint.contract === 'absent' ? 'running' : (word?.state ?? 'none')
  }

  /** The best answer of any other server that may be attached to. */
  #bestOther(current: Endpoint, since: Instant): AskedReadiness {
    const others = this.#others(current).filter((one) =>
      this.judge.fence(this.ucc).allows(this.judge.word(one, this.ucc)?.term),
    )
    const answers = others.map((one) => (one.answeredSince(since) ? this.#asked(one, since) : 'none'))
    return ANSWERS.find((answer) => answers.includes(answer)) ?? 'none'
  }

  #others(current: Endpoint): Endpoint[] {
    return this.judge.roster
      .present()
      .filter((one) => one !== current && (one.server === undefined || one.server !== current.server))
  }
}

/** What is left of the connection: one that owes an answer is nothing to come back to before it speaks. */
function oldLinkOf({ is, trust }: Settled): OldLink {
  if (is !== 'live') return 'gone'
  return trust.is === 'unanswered' ? 'silent' : 'alive'
}
