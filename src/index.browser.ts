/** Entry for pages, workers and Electron renderers. */
import { createClientOn } from './client/failover-client'
import type { FailoverClient } from './client/failover-client-types'
import { createDirectoryOn, type FailoverDirectory } from './client/directory'
import type { FailoverClientOptions, FailoverDirectoryOptions } from './client/option-types'
import { browserPlatform } from './platform/browser/browser-platform'

export * from './public'

/**
 * Makes a client. It starts at once; `close()` ends it.
 * @throws FailoverError `INVALID_OPTION`, naming the option.
 */
export function createFailoverClient(options: FailoverClientOptions): FailoverClient {
  return createClientOn(options, () => browserPlatform())
}

/**
 * Makes the clients of several pools, each pool with one judge shared by its clients.
 * @throws FailoverError `INVALID_OPTION`, naming the option.
 */
export function createFailoverDirectory(options: FailoverDirectoryOptions): FailoverDirectory {
  return createDirectoryOn(options, () => browserPlatform())
}
