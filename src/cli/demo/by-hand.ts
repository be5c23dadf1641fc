/** The demo on a terminal: the tour plays by itself, and whoever watches can take over at any time. */
import { EXIT } from '../exit-codes'
import { playStep, type StepReport } from './director'
import { actionsOf, type KeyAction } from './keys'
import { closingLines } from './lines'
import { until } from './pace'
import { SCENARIO, type Deed } from './scenario'
import { screen, type Narration } from './screen'
import type { Stage } from './stage'
import { sumUp } from './summary'
import { Terminal, type Console, type TerminalOutput } from './terminal'

const FRAME_MS = 100
/** Longer than in the script: somebody reads. */
const LINGER_MS = 3000
const WARM_UP_MS = 4000
const HOME_WITHIN_MS = 15_000
const SETTLE_WITHIN_MS = 5000

/** Plays until somebody quits; resolves with the exit code. */
export function playByHand(stage: Stage, where: Console, signal: AbortSignal, interrupt: () => void): Promise<number> {
  return new Hand(stage, where, signal, interrupt).play()
}

class Hand {
  readonly #stage: Stage
  readonly #signal: AbortSignal
  readonly #interrupt: () => void
  readonly #terminal: Terminal
  readonly #output: TerminalOutput
  readonly #quit = new AbortController()
  readonly #reports: StepReport[] = []
  readonly #underWay = new Set<Deed>()
  #tour: AbortController | undefined
  #narration: Narration = { tour: undefined, note: '', isGood: true }

  constructor(stage: Stage, where: Console, signal: AbortSignal, interrupt: () => void) {
    this.#stage = stage
    this.#signal = signal
    this.#interrupt = interrupt
    this.#output = where.output
    this.#terminal = new Terminal(where, {
      typed: (characters) => actionsOf(characters).forEach((action) => this.#act(action)),
      resized: () => this.#draw(),
    })
  }

  async play(): Promise<number> {
    const end = new Promise<void>((resolve) => {
      for (const one of [this.#signal, this.#quit.signal])
        one.addEventListener('abort', () => resolve(), { once: true })
    })
    this.#terminal.enter()
    const timer = setInterval(() => this.#draw(), FRAME_MS)
    try {
      void this.#playTour()
      await end
      this.#tour?.abort()
      if (this.#signal.aborted) return EXIT.failed
      await this.#settle()
    } finally {
      clearInterval(timer)
      this.#terminal.leave()
    }
    const summary = sumUp(this.#reports, this.#stage.view(), this.#stage.wrongViews())
    this.#output.write(`${closingLines(this.#reports, summary).join('\n')}\n`)
    return summary.isOk ? EXIT.ok : EXIT.failed
  }

  #draw(): void {
    this.#terminal.draw(screen(this.#stage.view(), this.#narration, this.#terminal.size))
  }

  #act(action: KeyAction | 'interrupt'): void {
    if (action === 'interrupt') return this.#interrupt()
    if (action === 'quit') return this.#quit.abort()
    if (action === 'tour') {
      if (this.#tour === undefined) void this.#playTour()
      else this.#endTour('The tour has ended.')
      return
    }
    this.#endTour('')
    void this.#do(action)
  }

  async #do(deed: Deed): Promise<void> {
    if (this.#underWay.has(deed)) return
    this.#underWay.add(deed)
    this.#say(`${deed} …`)
    this.#say(await this.#stage.perform(deed))
    this.#underWay.delete(deed)
  }

  #endTour(note: string): void {
    this.#tour?.abort()
    this.#tour = undefined
    this.#narration = { tour: undefined, note, isGood: true }
  }

  #say(note: string, isGood = true): void {
    this.#narration = { ...this.#narration, note, isGood }
  }

  async #playTour(): Promise<void> {
    const tour = new AbortController()
    this.#tour = tour
    const signal = AbortSignal.any([tour.signal, this.#signal, this.#quit.signal])
    this.#say('The tour begins; any key of a fault takes over.')
    if (!(await this.#goHome(signal))) return
    await this.#stage.flow(WARM_UP_MS, signal)
    for (const [index, { title, sentence }] of SCENARIO.entries()) {
      const step = SCENARIO[index]
      if (step === undefined || signal.aborted) return
      const number = index + 1
      this.#narration = { ...this.#narration, tour: { number, of: SCENARIO.length, title, sentence } }
      const report = await playStep(this.#stage, step, LINGER_MS, signal)
      if (report === undefined) return
      this.#reports.push(report)
      this.#tell(report)
    }
    if (this.#tour === tour) this.#endTour('The tour is over.')
  }

  /** The tour begins with both servers well and both clients on the better one. */
  async #goHome(signal: AbortSignal): Promise<boolean> {
    if (this.#isHome()) return true
    this.#say(await this.#stage.perform('repair'))
    if (this.#stage.isLive() && !this.#isHome()) await this.#stage.perform('failback')
    const isHome = await until(() => this.#isHome(), HOME_WITHIN_MS, signal)
    if (!isHome && !signal.aborted) this.#endTour('The tour cannot begin: the clients are not on srv1.')
    return isHome
  }

  #isHome(): boolean {
    const { clients, servers } = this.#stage.view()
    const isWell = servers.every(
      ({ process, ucc, draining }) => process === 'running' && ucc === 'running' && !draining,
    )
    return isWell && clients.every(({ active, state }) => active === servers[0]?.name && state === 'connected')
  }

  #tell({ title, audit, problems }: StepReport): void {
    const lost = audit.lost + audit.behind
    const verdict = problems.length === 0 ? 'as expected' : problems.join('; ')
    const events = `${audit.published} events, ${lost} lost, ${audit.duplicated} duplicated`
    this.#say(`${problems.length === 0 ? '✓' : '✗'} ${title}: ${verdict}; ${events}`, problems.length === 0)
  }

  /** Whoever leaves a broken stage shall still learn what became of the last events: it is repaired first. */
  async #settle(): Promise<void> {
    this.#narration = { tour: undefined, note: 'Leaving: the last events arrive …', isGood: true }
    if (!this.#stage.isLive()) {
      await this.#stage.perform('repair')
      await until(() => this.#stage.isLive(), HOME_WITHIN_MS, this.#signal)
    }
    await this.#stage.settle(SETTLE_WITHIN_MS, this.#signal)
  }
}
