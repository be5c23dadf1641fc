/** How a client introduces itself to servers: by a name of its own, or a random one of this run. */
import type { ClientIdentity } from '../core/wire'
import type { Platform } from '../platform/platform'
import type { ClientConfig } from './options'
import { VERSION } from './version'

export function identityOf(config: ClientConfig, platform: Platform): ClientIdentity {
  const { id, name, version } = config.client
  return Object.freeze({ id: id ?? platform.randomId(), name: name ?? 'failover-client', version: version ?? VERSION })
}
