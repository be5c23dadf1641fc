// @ts-check
// A progress bar, where somebody looks: on a terminal only.

const WIDTH = 30
const REDRAW_MS = 200

export class Progress {
  #done
  #begun = performance.now()
  #drawn = 0
  #first

  /** @param {number} total @param {number} done from an earlier run */
  constructor(total, done) {
    this.total = total
    this.#done = done
    this.#first = done
  }

  get perSecond() {
    return ((this.#done - this.#first) * 1000) / Math.max(1, performance.now() - this.#begun)
  }

  /** @param {number} failed */
  step(failed) {
    this.#done += 1
    if (!process.stderr.isTTY || performance.now() - this.#drawn < REDRAW_MS) return
    this.#drawn = performance.now()
    const share = this.#done / Math.max(1, this.total)
    const bar = '█'.repeat(Math.round(share * WIDTH)).padEnd(WIDTH, '░')
    const left = Math.round((this.total - this.#done) / Math.max(0.1, this.perSecond))
    const text = `${bar} ${this.#done}/${this.total}, ${this.perSecond.toFixed(1)} a second, ${left} s left`
    process.stderr.write(`\r\x1b[K${text}${failed > 0 ? `, ${failed} failed` : ''}`)
  }

  end() {
    if (process.stderr.isTTY) process.stderr.write('\r\x1b[K')
  }
}
