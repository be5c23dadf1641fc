/**
 * Reads JSON that people write, member by member. Whatever is missing, misspelt or of the wrong type is an error that
 * names its place: `phases[1].inputs[0].readiness.state: one of running, stopped … expected, not "runing"`.
 */
export class CaseError extends Error {
  constructor(path: string, problem: string) {
    super(`${path}: ${problem}`)
    this.name = 'CaseError'
  }
}

/** A mistake is told with its file. */
export function inFile<T>(file: string, read: () => T): T {
  try {
    return read()
  } catch (error) {
    if (error instanceof CaseError) error.message = `${file}: ${error.message}`
    throw error
  }
}

/** One JSON object and its place in the file. */
export class Fields {
  readonly #read = new Set<string>()

  constructor(
    readonly path: string,
    readonly value: Readonly<Record<string, unknown>>,
  ) {}

  /** @throws CaseError when it is no object */
  static of(path: string, value: unknown): Fields {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      throw new CaseError(path, `an object expected, not ${show(value)}`)
    }
    return new Fields(path, value as Readonly<Record<string, unknown>>)
  }

  has(name: string): boolean {
    return this.value[name] !== undefined
  }

  /** The member as it stands; it counts as read. */
  raw(name: string): unknown {
    this.#read.add(name)
    return this.value[name]
  }

  string(name: string, fallback?: string): string {
    return this.#typed(name, 'a string', isString, fallback)
  }

  number(name: string, fallback?: number): number {
    return this.#typed(name, 'a number', isNumber, fallback)
  }

  boolean(name: string, fallback?: boolean): boolean {
    return this.#typed(name, 'true or false', (value) => typeof value === 'boolean', fallback)
  }

  strings(name: string, fallback?: readonly string[]): readonly string[] {
    const isStrings = (value: unknown): value is readonly string[] => Array.isArray(value) && value.every(isString)
    return this.#typed(name, 'a list of strings', isStrings, fallback)
  }

  numbers(name: string, fallback?: readonly number[]): readonly number[] {
    const isNumbers = (value: unknown): value is readonly number[] => Array.isArray(value) && value.every(isNumber)
    return this.#typed(name, 'a list of numbers', isNumbers, fallback)
  }

  oneOf<Word extends string>(name: string, words: readonly Word[], fallback?: Word): Word {
    const isWord = (value: unknown): value is Word => words.includes(value as Word)
    return this.#typed(name, `one of ${words.join(', ')}`, isWord, fallback)
  }

  /** An object within; an empty one when it is not there. */
  object(name: string): Fields {
    const value = this.raw(name)
    return Fields.of(this.#at(name), value === undefined ? {} : value)
  }

  /** A list of objects within. */
  objects(name: string): readonly Fields[] {
    const value = this.raw(name) ?? []
    if (!Array.isArray(value)) throw new CaseError(this.#at(name), `a list expected, not ${show(value)}`)
    return value.map((one, n) => Fields.of(`${this.#at(name)}[${n}]`, one))
  }

  /** @throws CaseError for a member that nobody has asked for: it would be a rule that nobody checks */
  done(): void {
    for (const name of Object.keys(this.value)) {
      if (this.#read.has(name)) continue
      const known = [...this.#read].join(', ')
      throw new CaseError(this.#at(name), `unknown; known here: ${known === '' ? 'nothing' : known}`)
    }
  }

  #typed<T>(name: string, expected: string, is: (value: unknown) => boolean, fallback: T | undefined): T {
    const value = this.raw(name) ?? fallback
    if (is(value)) return value as T
    throw new CaseError(this.#at(name), `${expected} expected, not ${show(value)}`)
  }

  #at(name: string): string {
    return this.path === '' ? name : `${this.path}.${name}`
  }
}

export function show(value: unknown): string {
  return value === undefined ? 'nothing' : JSON.stringify(value)
}

function isString(value: unknown): value is string {
  return typeof value === 'string'
}

function isNumber(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value)
}
