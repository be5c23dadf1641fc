/** The JSON schema of a case, for editors: made from the words of the machines, so that both cannot differ. */
import { GROUPS } from './format'
import type { MachineKind } from './machine'
import { MACHINES } from './machines'

const TEXTS = { type: 'array', items: { type: 'string' }, minItems: 1 }
const MODIFIERS = {
  after: { type: 'number', description: 'Milliseconds behind the phase.' },
  every: { type: 'number', description: 'Milliseconds from one repetition to the next.' },
  times: { type: 'integer', minimum: 1, description: 'How often in all.' },
}

export function caseSchema(): object {
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'A conformance case',
    type: 'object',
    required: ['name', 'group', 'source', 'machine', 'phases'],
    additionalProperties: false,
    properties: {
      $schema: { type: 'string' },
      name: { type: 'string', description: 'The rule in one sentence.' },
      group: { enum: GROUPS },
      source: { ...TEXTS, description: 'A section of our documents, an RFC, a published specification, an issue.' },
      faults: { type: 'array', items: { type: 'integer' }, description: 'Rows of docs/fault-matrix.md it decides.' },
      machine: { enum: Object.keys(MACHINES) },
      config: { type: 'object' },
      phases: { type: 'array', minItems: 1, items: phaseSchema({}, {}) },
    },
    allOf: Object.entries(MACHINES).map(([name, kind]) => ({
      if: { properties: { machine: { const: name } } },
      then: { properties: { phases: { items: wordsOf(kind) } } },
    })),
  }
}

function wordsOf({ inputs, expects }: MachineKind): object {
  const any = (words: readonly string[]): object => Object.fromEntries(words.map((word) => [word, {}]))
  return phaseSchema(
    { properties: { ...any(inputs), ...MODIFIERS }, additionalProperties: false },
    { properties: any(Object.keys(expects)), additionalProperties: false },
  )
}

function phaseSchema(input: object, expect: object): object {
  return {
    type: 'object',
    required: ['at'],
    additionalProperties: false,
    properties: {
      at: { type: 'number', minimum: 0, description: 'Milliseconds since the start of the case.' },
      inputs: { type: 'array', items: { type: 'object', ...input } },
      expect: { type: 'object', ...expect },
    },
  }
}
