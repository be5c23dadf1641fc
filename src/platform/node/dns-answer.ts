/**
 * What the answer of DNS means for the pool. DNS *annotates*: the endpoint the dedicated hostname points at is
 * designated. It adds one only where the answer matches none that is known: the dedicated hostname at that address,
 * whose certificate is still checked against the dedicated hostname. An answer that fits several designates nobody.
 */
import type { KnownEndpoint, ResolvedEndpoint } from '../platform'

/** Where the dedicated hostname leads. */
export interface Pointing {
  readonly aliases: readonly string[]
  readonly addresses: readonly string[]
}

/**
 * @param known Endpoints known from elsewhere. The dedicated hostname's own URL without an address is none: it leads
 *   wherever the name leads.
 * @param addressesOf Of a known endpoint's name; asked only where names decide nothing.
 */
export async function designate(
  pointing: Pointing,
  url: string,
  known: readonly KnownEndpoint[],
  addressesOf: (name: string) => Promise<readonly string[]>,
): Promise<readonly ResolvedEndpoint[]> {
  const { port } = new URL(url)
  // Another port is another service: the name does not lead there.
  const roads = known.filter((one) => new URL(one.url).port === port && !(one.url === url && one.address === undefined))
  const byName = roads.filter(({ url: own }) => pointing.aliases.includes(hostOf(own)))
  if (byName.length > 0) return named(byName, byName.length === 1)
  const places = await Promise.all(
    roads.map(async (road) => ({
      road,
      addresses: road.address === undefined ? await addressesOf(hostOf(road.url)) : [road.address],
    })),
  )
  const at = (address: string): readonly KnownEndpoint[] =>
    places.flatMap(({ road, addresses }) => (addresses.includes(address) ? [road] : []))
  const matched = new Set(pointing.addresses.flatMap(at))
  if (matched.size === 0) return unknownRoads(pointing.addresses, url)
  const isWhole = pointing.addresses.every((address) => at(address).length > 0)
  return named([...matched], matched.size === 1 && isWhole)
}

/** The dedicated hostname at new addresses; with several of them nobody can tell which one is meant. */
function unknownRoads(addresses: readonly string[], url: string): readonly ResolvedEndpoint[] {
  return addresses.map((address) => ({ url, address, ...(addresses.length === 1 ? { designated: true } : {}) }))
}

function named(roads: readonly KnownEndpoint[], isDesignated: boolean): readonly ResolvedEndpoint[] {
  return roads.map(({ url, address }) => ({
    url,
    ...(address === undefined ? {} : { address }),
    ...(isDesignated ? { designated: true } : {}),
  }))
}

function hostOf(url: string): string {
  return new URL(url).hostname.replace(/^\[|\]$/g, '')
}
