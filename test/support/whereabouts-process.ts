/** Tells its parent where the library that it imports lies: the stack of the error of a wrong option. */
import { createFailoverClient } from 'failover-client'

try {
  createFailoverClient({ hostname: '' })
} catch (error) {
  process.send?.((error as Error).stack)
}
