/** What `npm run mutants` bundles to run the conformance cases against a fault. */
export { parseCase } from '../conformance/runner/format'
export { runCase } from '../conformance/runner/run'
