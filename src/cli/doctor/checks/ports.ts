/** The UCC's port, as the load balancer's check sees it. */
import type { Facts } from '../facts'
import type { Finding } from './finding'
import { bodyOf } from './view'

export function checkPorts(facts: Facts): Finding[] {
  const { uccPort: port, ucc } = facts.question
  if (port === undefined) return []
  // A virtual address has no such port, and need not.
  const servers = facts.roads.filter(({ source }) => source !== 'hostname')
  const seen = `Port ${port} is asked for ${ucc} alone.`
  return [
    { code: 'PORT_SPEAKS_FOR_ALL', level: 'hint', seen },
    ...(servers.length > 0 ? servers : facts.roads).flatMap((road): Finding[] => {
      const { uccPort, ready, id: subject } = road
      const body = bodyOf(road)
      if (uccPort === undefined || ready === undefined) return []
      if (body?.state === 'running' && uccPort.kind === 'failure') {
        const closed = `${ucc} runs on ${body.server}, and its port ${port} is closed (${uccPort.code}).`
        return [{ code: 'PORT_CLOSED', level: 'fragile', subject, seen: closed }]
      }
      const isDown = ready.kind === 'failure' || (body !== undefined && body.state !== 'running')
      if (!isDown || uccPort.kind === 'failure') return []
      const state = body === undefined ? 'readiness is not answered' : `${ucc} is ${body.state} on ${body.server}`
      return [{ code: 'PORT_MISLEADS', level: 'fragile', subject, seen: `Port ${port} is open, and ${state}.` }]
    }),
  ]
}
