/** Every finding: why it matters, and what to do about it. docs/doctor.md lists the same. */
export const FINDINGS = {
  // DNS
  DNS_HOSTNAME_IS_ADDRESS: {
    why: 'An address cannot be pointed elsewhere, and is in hardly any certificate.',
    remedy: 'Give the pool a dedicated hostname (CNAME to the active server, or A to the load balancer).',
  },
  DNS_NO_ADDRESS: {
    why: 'Clients that only know the dedicated hostname reach nobody.',
    remedy: 'Create the record: a CNAME to the active server, or an A record of the load balancer.',
  },
  DNS_DANGLING_ALIAS: {
    why: 'The record was changed to a name that leads nowhere: everybody who asks now is lost.',
    remedy: 'Point the CNAME at a server that has an address; look for a typing error in it.',
  },
  DNS_RESOLVER_FAILS: {
    why: 'Whoever asks this name server waits for a timeout, or gets no address at all.',
    remedy: 'Repair the name server, its forwarders or the firewall, or take it out of the clients’ configuration.',
  },
  DNS_ZONE_SERVERS_UNREACHABLE: {
    why: 'Behind a cache a changed record is seen only when its TTL is over: a planned change is followed that late.',
    remedy: 'Let clients reach the zone’s own name servers on port 53 (UDP and TCP), or keep the TTL at 30 s or less.',
  },
  DNS_RESOLVERS_DISAGREE: {
    why: 'Clients of different name servers use different servers: an old cache, or an internal and an external zone.',
    remedy: 'Wait for the TTL and look again; if it stays, make the zones say the same.',
  },
  DNS_TTL_LONG: {
    why: 'After a changed record a plain client goes on with the old server for the TTL and its own cache on top.',
    remedy: 'Set the TTL of the dedicated hostname’s record as short as possible: 30 s or less.',
  },
  DNS_SEVERAL_ADDRESSES: {
    why: 'Plain clients pick one by chance: some are sent to the passive server, where sockets open and no data comes.',
    remedy: 'One address (or CNAME) for the dedicated hostname: the active server’s, or the load balancer’s.',
  },
  DNS_FOREIGN_TARGET: {
    why: 'The name leads out of its own domain: whoever runs that zone decides where your clients go.',
    remedy: 'Point it at a server of your own domain, or make sure that this is meant.',
  },
  DNS_POINTS_AT_PASSIVE: {
    why: 'Plain clients connect there, get sockets and 200s, and no data: the UCC runs elsewhere.',
    remedy: 'Point the dedicated hostname at the server that runs the UCC, or start the UCC there.',
  },
  DNS_LOCAL_OVERRIDE: {
    why: 'This machine’s hosts file (or search domains) says otherwise than DNS: it will not follow a change.',
    remedy: 'Remove the entry from the hosts file.',
  },
  // Roads
  ROAD_NO_ADDRESS: {
    why: 'Nobody reaches that server by this name.',
    remedy: 'Create the server’s own A record, or correct the name in the configuration or in `peers`.',
  },
  TCP_REFUSED: {
    why: 'The machine is up and the web services are not, or listen elsewhere.',
    remedy: 'Start the web services there; check the port and the binding.',
  },
  TCP_SILENT: {
    why: 'Nothing answers: clients lose seconds before they can know.',
    remedy: 'Check that the machine is up, its address, and the firewall between here and there.',
  },
  // TLS
  TLS_FAILS: {
    why: 'No client can speak to it over https.',
    remedy: 'Check that the port speaks TLS (1.2 or later) and has a certificate bound.',
  },
  TLS_NAME_MISSING: {
    why: 'Every client refuses the connection before it sends anything.',
    remedy: 'Put this name into the certificate’s subject alternative names.',
  },
  TLS_HOSTNAME_MISSING: {
    why: 'When the dedicated hostname is pointed at this server, every client refuses its certificate.',
    remedy: 'Include the dedicated hostname in the certificate of each server of the pool.',
  },
  TLS_EXPIRED: { why: 'Every client refuses it.', remedy: 'Renew the certificate on this server.' },
  TLS_NOT_YET_VALID: {
    why: 'Every client refuses it until then.',
    remedy: 'Check the clocks of this machine and of the server; else bind the former certificate until then.',
  },
  TLS_EXPIRES_SOON: {
    why: 'On a standby nobody notices before it is needed.',
    remedy: 'Renew the certificate on this server.',
  },
  TLS_CHAIN_INCOMPLETE: {
    why: 'Browsers may fetch or remember the missing certificate; Node, Electron and a fresh machine cannot.',
    remedy: 'Bind the whole chain: the server’s certificate and the intermediate ones.',
  },
  TLS_ISSUER_UNKNOWN: {
    why: 'Machines without that authority refuse it.',
    remedy:
      'Install the private authority on all clients (Node: NODE_EXTRA_CA_CERTS or the `ca` option, here as well), ' +
      'or use a public one.',
  },
  TLS_OLD_PROTOCOL: { why: 'Browsers and Node refuse it by default.', remedy: 'Switch on TLS 1.2 or 1.3.' },
  PLAIN_HTTP: {
    why: 'Tokens travel in clear text, and a page that came over https may not use it at all.',
    remedy: 'Serve https with a certificate that has the dedicated hostname.',
  },
  // Readiness
  UCC_RUNS_NOWHERE: {
    why: 'Web services without the UCC give no data, whichever server is used.',
    remedy: 'Start the UCC on one of the servers.',
  },
  UCC_UNKNOWN: {
    why: 'After a failover to this server the UCC’s clients find nothing there.',
    remedy: 'Configure the UCC on this server as well, or correct its name (`--ucc`).',
  },
  UCC_STARTING: {
    why: 'It is not ready to take over yet; clients wait for it.',
    remedy: 'Wait, and look again; if it stays so, read the UCC service’s log.',
  },
  UCC_RUNS_TWICE: {
    why: 'Two servers run the UCC and nothing tells which one counts: agents may be split between them.',
    remedy: 'Right for a hot pair. Otherwise stop it on the passive one, or announce a `term`.',
  },
  READY_SILENT: {
    why: 'The port opens and nothing answers: a hung server looks alive to a TCP check.',
    remedy: 'Restart the web services there; let the load balancer ask for readiness, not for the port.',
  },
  READY_NO_CONTRACT: {
    why: 'Without readiness nobody can tell “UCC stopped, web services up” from health before data fails to come.',
    remedy: 'Serve GET /failover/ready there (PROTOCOL.md), and keep proxies and login pages off this path.',
  },
  READY_REDIRECT: {
    why: 'Clients follow no redirect there: it would ask somebody else.',
    remedy: 'Answer /failover/ready itself, on this scheme and host.',
  },
  READY_SLOW: {
    why: 'A probe has 1.5 s: slower answers count as misses, and clients leave a server that works.',
    remedy: 'Find what makes it slow: the network, the disk, too few threads.',
  },
  READY_CACHEABLE: {
    why: 'A proxy or browser may go on saying “running” after the UCC has stopped.',
    remedy: 'Send Cache-Control: no-store with every readiness answer.',
  },
  SERVER_DRAINING: {
    why: 'It is being taken out of service: nobody moves to it.',
    remedy: 'End the maintenance, or wait for its end before you rely on this server.',
  },
  VERSION_UNKNOWN: {
    why: 'The library speaks version 1 of the contract: it cannot use this server.',
    remedy: 'Update the server, or the clients, so that they share a version.',
  },
  VERSIONS_DIFFER: {
    why: 'After a failover clients meet another version of the contract.',
    remedy: 'Bring both servers to the same version.',
  },
  ONE_SERVER: {
    why: 'There is nobody to fail over to.',
    remedy: 'Bring the second server up, or name it: --endpoint URL, `peers` in readiness, or SRV records.',
  },
  STANDBY_UNKNOWN: {
    why: 'Clients that know the dedicated hostname only can do no better than follow DNS or the load balancer.',
    remedy: 'Name the `peers` in readiness, or list the servers in the clients’ `endpoints`, or add SRV records.',
  },
  ROADS_SHARE_SERVER: {
    why: 'Endpoints that lead to one server are one failover target, not two.',
    remedy: 'Correct the record or the endpoint; give each server a name of its own in its readiness.',
  },
  SERVER_CHANGES: {
    why: 'Two questions by one road were answered by two servers: each request may land on the other one.',
    remedy: 'Let the load balancer send everybody to the active server (no round robin, health check per UCC).',
  },
  // Peers
  PEERS_DIFFER: {
    why: 'What clients learn depends on whom they asked first.',
    remedy: 'Announce the same `peers`, in the same order, on each server.',
  },
  PEERS_MISS_SERVER: {
    why: 'Clients that live on `peers` never learn of it.',
    remedy: 'Add it to `peers` on each server.',
  },
  PEERS_REFUSED: {
    why: 'Clients ignore a peer that is no sibling of the dedicated hostname, or downgrades to http.',
    remedy: 'Announce names below the same domain over https, or name the host in the clients’ `allowedHosts`.',
  },
  PEER_MISNAMED: {
    why: 'What is known of one server is taken for the other: readiness and terms are kept by server name.',
    remedy: 'Correct the `server` of that peer, or its URL.',
  },
  // Terms
  TERM_MISSING: {
    why: 'No term is equal to all: a server that comes back with old state cannot be told from the active one.',
    remedy: 'Announce `term` on every server of the pool.',
  },
  TERM_REGRESSION: {
    why: 'Clients attach to no server below the highest term they heard: the running one is refused.',
    remedy: 'Take a new term above all announced ones whenever the UCC becomes active; check the servers’ clocks.',
  },
  CLOCKS_DIFFER: {
    why: 'Terms taken from the clock, and deadlines of commands, go wrong between servers that disagree on the time.',
    remedy: 'Synchronise the servers with NTP.',
  },
  CLOCK_HERE: {
    why: 'Certificates and tokens are judged by the clock: this machine (or all servers) is off.',
    remedy: 'Synchronise this machine and the servers with NTP.',
  },
  // Pages
  CORS_MISSING: {
    why: 'A page of that origin may send requests and read no answer: all it sees is a network error.',
    remedy: 'Send Access-Control-Allow-Origin (the origin or *) on every path and status, also of errors.',
  },
  CORS_PREFLIGHT: {
    why: 'The browser asks before it sends a token or a command, and does not send it after such an answer.',
    remedy:
      'Answer OPTIONS with 2xx, Access-Control-Allow-Origin, and Access-Control-Allow-Headers: Authorization, ' +
      'Content-Type, Idempotency-Key (a * does not cover Authorization).',
  },
  CORS_RETRY_AFTER_HIDDEN: {
    why: 'A page cannot read how long to wait, and waits by guess.',
    remedy: 'Send Access-Control-Expose-Headers: Retry-After.',
  },
  MIXED_CONTENT: {
    why: 'A page that came over https may not use http or ws.',
    remedy: 'Serve the servers over https.',
  },
  LOCAL_NETWORK_ACCESS: {
    why: 'Chromium asks the user before a page from outside may reach a private address, and only pages over https.',
    remedy:
      'Allow it by policy (LocalNetworkAccessAllowedForUrls) where the page comes from outside, serve the page from ' +
      'the same network, and answer preflights with Access-Control-Allow-Private-Network: true.',
  },
  UPGRADE_REFUSED: {
    why: 'WebSocket is stripped on the way: live data falls back to event streams, after failed attempts.',
    remedy: 'Let the proxy or load balancer pass WebSocket upgrades of /failover/stream.',
  },
  // The UCC's port
  PORT_SPEAKS_FOR_ALL: {
    why:
      'The load balancer’s check of one UCC’s port decides for all of them: another UCC may stop unnoticed, and when ' +
      'this one is removed, the whole server counts as down.',
    remedy: 'Check a UCC that will stay, and let clients ask for readiness of their own UCC.',
  },
  PORT_CLOSED: {
    why: 'The UCC runs and its port is shut: a load balancer with this check takes the server out.',
    remedy: 'Check the port of the trusted application and the firewall between the load balancer and the server.',
  },
  PORT_MISLEADS: {
    why: 'The UCC does not run and its port is open: a load balancer with this check sends everybody there.',
    remedy: 'Check whose port it is: it may be another UCC’s, or a process that hangs.',
  },
} as const satisfies Readonly<Record<string, { readonly why: string; readonly remedy: string }>>
