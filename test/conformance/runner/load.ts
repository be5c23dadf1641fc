/** All cases, read and checked. */
import { caseFiles, readCase } from './files'
import { parseCase, type ConformanceCase } from './format'

/** @throws CaseError naming file and field of a senseless one */
export function loadCases(): readonly ConformanceCase[] {
  return caseFiles().map((file) => parseCase(file, readCase(file)))
}
