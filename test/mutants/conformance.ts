/** What `npm run mutants` and `npm run case` bundle to play conformance cases. */
export { parseCase } from '../conformance/runner/format'
export { runCase } from '../conformance/runner/run'
