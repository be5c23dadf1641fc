// @ts-check
// test/simulation/breaks.md: what the swarm notices, and who.

/** @typedef {import('./trials.mjs').Fate} Fate */

/** @param {Fate} fate who noticed, of those who had to; all of them where nobody had to */
export function noticedBy({ trial: { wanted }, noticed }) {
  if (wanted.length === 0) return noticed.size === 0 ? 'NOBODY' : [...noticed.keys()].join(', ')
  return wanted.map((name) => (noticed.has(name) ? name : `NOT by ${name}`)).join(', ')
}

/** @param {Fate} fate how many seeds noticed, of those that were run */
export function counts({ trial: { wanted }, noticed, ran }) {
  if (wanted.length === 0) return 'its own plan'
  return `${wanted.map((name) => noticed.get(name) ?? 0).join(', ')} of ${ran}`
}

/** @param {readonly Fate[]} fates @returns {string} */
export function renderBreaks(fates) {
  const [bySeeds, byPlans] = /** @type {const} */ (['swarm', 'regression']).map((by) =>
    fates.filter(({ trial }) => trial.by === by),
  )
  return [
    '# What the swarm catches',
    '',
    `Made by \`npm run breaks -- --record\` with Node ${process.version}; not edited by hand. Each line is one break`,
    'of the source (`breaks.mjs`), planted once in a copy; the seeds from 1 on were run, 50 at a time, until the',
    'invariants named here had noticed. An invariant that nothing can break would be no test. The break is the text in',
    '`from`, replaced by `to`; `↵` is the end of a line.',
    '',
    '| break | file | from | to | noticed by | failing seeds |',
    '| --- | --- | --- | --- | --- | --- |',
    ...(bySeeds ?? []).map((fate) => row(fate, [noticedBy(fate), counts(fate)])),
    '',
    'Invariants that no line names are shown to fail by stories told by hand (`invariants.test.ts`): they watch for',
    'what hardly ever happens by one line alone. `same-seed-same-trace`, `no-unhandled-rejection` and `ends-in-time`',
    '(below) are watched by the runner (`scripts/simulation/worker.mjs`, `pool.mjs`).',
    '',
    'Two guards behind one another hide each other from a single break: the retry budget is asked before and when a',
    'token is taken, a log is deduplicated by position and by key, a close has a deadline of its own and one for its',
    'handshake. What `repeated-frames` sends twice shows when both guards of a log are gone: `seq >= known` in',
    '`topic-reader.ts` beside `messages-not-remembered`.',
    '',
    '## Regressions',
    '',
    'Plans that failed once (`regressions/`), and the line without which they fail again (`brokenBy`); two lines where',
    'one guard stands behind another.',
    '',
    '| regression | file | from | to | noticed by |',
    '| --- | --- | --- | --- | --- |',
    ...(byPlans ?? []).map((fate) => row(fate, [noticedBy(fate)])),
    '',
  ].join('\n')
}

/** @param {Fate} fate @param {readonly string[]} more */
function row({ trial: { name, edits } }, more) {
  const cells = [
    edits.map(({ file }) => file),
    edits.map(({ find }) => code(find)),
    edits.map(({ replace }) => code(replace)),
  ].map((texts) => [...new Set(texts)].join('; '))
  return `| ${[name, ...cells, ...more].join(' | ')} |`
}

/** @param {string} text */
function code(text) {
  const line = text
    .trim()
    .replace(/\s*\n\s*/g, ' ↵ ')
    .replaceAll('|', '\\|')
  if (line === '') return '(nothing)'
  return line.includes('`') ? `\`\` ${line} \`\`` : `\`${line}\``
}
