/** Connections by the name of the server behind them: a case speaks of servers, the machines of links. */
import type { LinkId } from '../../../../src/core/topic-protocol'
import type { Fields } from '../fields'
import { CaseError } from '../fields'

export class ServerLinks {
  readonly #servers = new Map<LinkId, string>()
  /** The newest connection of each server. */
  readonly #newest = new Map<string, LinkId>()

  /** A new connection. */
  open(server: string): LinkId {
    const link = this.#servers.size + 1
    this.#servers.set(link, server)
    this.#newest.set(server, link)
    return link
  }

  /** Its connection, opened where there is none. */
  ensure(server: string): LinkId {
    return this.#newest.get(server) ?? this.open(server)
  }

  /** @throws CaseError when there was no connection to the server that this member names */
  of(row: Fields, name: string): LinkId {
    const server = row.string(name)
    const link = this.#newest.get(server)
    if (link === undefined) throw new CaseError(`${row.path}.${name}`, `there was no connection to ${server}`)
    return link
  }

  server(link: LinkId): string {
    return this.#servers.get(link) ?? `link ${link}`
  }
}
