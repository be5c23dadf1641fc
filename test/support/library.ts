/** Which library the tests run on: its sources, or the packed package (see resolve-library.ts). */
import { inject } from 'vitest'
import type { Consumer } from './consumer'

/** The project in which the library under test is installed; undefined where its sources are tested. */
export function installedIn(): Consumer | undefined {
  return inject('consumer') as Consumer | undefined
}
