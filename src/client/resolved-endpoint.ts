/** Reads what sources of endpoints answer, and says what is wrong with it. */
import type { ResolvedEndpoint } from './resolvers'
import { normaliseAddress } from './urls'

/** What resolvers of the user and the store give is untrusted, whatever its type says. */
export function readNamed(entry: unknown): ResolvedEndpoint | undefined {
  if (typeof entry !== 'object' || entry === null) return undefined
  const { url, address, server, rank, designated } = entry as { readonly [Name in keyof ResolvedEndpoint]?: unknown }
  if (typeof url !== 'string') return undefined
  // A name in its place would be dialled under the name, and the certificate, of another.
  if (address !== undefined && (typeof address !== 'string' || normaliseAddress(address) === undefined))
    return undefined
  return {
    url,
    ...(address === undefined ? {} : { address }),
    ...(typeof server === 'string' ? { server } : {}),
    ...(typeof rank === 'number' && Number.isFinite(rank) ? { rank } : {}),
    ...(designated === true ? { designated } : {}),
  }
}

/** For people: the host alone, so that nothing else of a foreign text is shown. */
export function hostOf(url: string): string {
  const host = /^[a-z][a-z\d+.-]*:\/\/(?:[^@/]*@)?([\w.:[\]-]{1,100})/i.exec(url)?.[1]
  return host === undefined ? 'an endpoint' : `the host ${host}`
}

/** What a person can act on: ": srv1.contoso.com does not exist". */
export function causeOf(error: unknown): string {
  return error instanceof Error && error.message !== '' ? `: ${error.message}` : ''
}
