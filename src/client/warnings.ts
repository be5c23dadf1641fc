/**
 * Every `warning` the client can raise: what it means and what to do about it. A warning never stops anything; each is
 * raised once per cause, not once per occurrence.
 */
export interface WarningText {
  readonly means: string
  readonly remedy: string
}

/** All warning codes. A removed or renamed code is a breaking change. */
export const WARNINGS = {
  NO_READINESS_CONTRACT: {
    means: 'The endpoint never gave a readiness body: it is judged by liveness, so a stopped UCC is not seen.',
    remedy: 'Implement GET /failover/ready (PROTOCOL.md) there, or set health.path or health.probe.',
  },
  FOREIGN_READINESS: {
    means: 'Something else answers in place of the server (captive portal, login page of a proxy); it is not judged.',
    remedy: 'Sign in to the network, or exempt the readiness path from the proxy.',
  },
  FOREIGN_PEER_REFUSED: {
    means: 'A learned endpoint is no sibling of the dedicated hostname and was ignored.',
    remedy: 'If it is yours, add its name to allowedHosts.',
  },
  DOWNGRADE_REFUSED: {
    means: 'A learned endpoint or redirect would have led from https to http and was ignored.',
    remedy: 'Announce https URLs.',
  },
  MALFORMED_ANSWER: {
    means: 'A source gave an empty or unreadable list of endpoints; the last good one stays in force.',
    remedy: 'Repair the answer of the resolver, topology document or server named here.',
  },
  RESOLVER_FAILED: {
    means: 'A resolver failed; the endpoints it gave before stay.',
    remedy: 'See the cause.',
  },
  ONLY_HOSTNAME: {
    means:
      'Only the dedicated hostname is known and no server names peers: DNS or a load balancer must do the failover.',
    remedy: 'List the endpoints, or let the servers announce peers.',
  },
  EQUAL_TERMS: {
    means: 'Two servers run the UCC under one term with different sequence spaces: perhaps a split brain.',
    remedy: 'Check which one is active, and take a new term at each activation.',
  },
  TERM_RESET: {
    means:
      'Nobody has announced the highest term for failover.fenceMs: it was given up, lower ones are accepted again.',
    remedy: 'Expected after a restored backup; otherwise make terms only rise (Unix milliseconds will do).',
  },
  TOKEN_REFUSED_BY_STANDBY: {
    means: 'The standby refuses the token that the active server accepts: a failover would fail.',
    remedy: 'Give both servers the same signing keys, audience and clock.',
  },
  TOKEN_PROVIDER_FAILED: {
    means: 'The token function threw, rejected or gave no token; it is asked again with backoff.',
    remedy: 'See the cause.',
  },
  STANDBY_UNKNOWN_UCC: {
    means: 'A server of the pool does not know the UCC: it could not take over.',
    remedy: 'Configure the UCC there too.',
  },
  STANDBY_VERSION: {
    means: 'The standby speaks no version of the wire contract that this client speaks.',
    remedy: 'Update one of them.',
  },
  STANDBY_UNREACHABLE: {
    means: 'The standby does not answer: there is nothing to fail over to now.',
    remedy: 'Start it, or repair the road to it.',
  },
  CERTIFICATE: {
    means:
      'The certificate of an endpoint is not accepted (name, issuer or date); in Node the sentence says whose it is.',
    remedy: 'Renew it; where it carries the dedicated hostname only, set endpoints[].hostname (Node).',
  },
  CORS_OR_CSP_BLOCKED: {
    means: 'The browser blocked requests to an endpoint that answers otherwise.',
    remedy: 'Send the CORS headers of PROTOCOL.md there, and name the endpoint in connect-src of the page.',
  },
  TRANSPORT_DOWNGRADE: {
    means: 'WebSocket handshakes failed where readiness is running: the event stream is used for 10 minutes.',
    remedy: 'Let the proxy pass WebSocket upgrades.',
  },
  FRAME_REFUSED: {
    means: 'A server sent a frame that cannot be read or is too large; that topic is resynchronised.',
    remedy: 'Report it to the maker of the server; for large frames see streams.maxFrameBytes.',
  },
  PARSE_FAILED: {
    means: 'The parse function of a topic refused an item, which was dropped.',
    remedy: 'See the cause; the data or the function is wrong.',
  },
  CONSUMER_SLOW: {
    means: 'A consumer fell maxBuffered changes behind: its log is paused and will be resumed from its position.',
    remedy: 'Consume faster, or raise maxBuffered.',
  },
  LISTENER_THREW: {
    means: 'A listener of the application threw; the client goes on.',
    remedy: 'See the cause.',
  },
  HOOK_FAILED: {
    means: 'canMove or priority threw: the move is allowed, or the priority "agent" is used.',
    remedy: 'See the cause.',
  },
  RESTORE_FAILED: {
    means: 'restoreSession rejected or ran out of time; that attempt was given up.',
    remedy: 'See the cause.',
  },
  STORE_FAILED: {
    means: 'The store could not be read or written; the client works without its memory.',
    remedy: 'See the cause.',
  },
  STORE_CORRUPT: {
    means: 'The store held something unreadable, which was ignored and will be replaced.',
    remedy: 'None, once; if it comes back, something else writes under the same key.',
  },
  LATE_TIMERS: {
    means: 'This process was stopped (sleep, frozen tab, blocked event loop): detectors were reset, nobody was blamed.',
    remedy: 'If it is frequent, find what blocks the event loop.',
  },
  DUPLICATE_SERVER: {
    means: 'Two endpoints are answered by the same server: together they are one failover target, not two.',
    remedy: 'Check the addresses of the endpoints named here.',
  },
  INTERNAL_ERROR: {
    means: 'Something inside the client threw; that one step was given up, the client goes on.',
    remedy: 'Report it with the cause and diagnostics().',
  },
} as const satisfies Record<string, WarningText>

/** Code of a {@link WARNINGS} entry. */
export type WarningCode = keyof typeof WARNINGS
