/** All checks: facts in, findings out. */
import type { Facts } from '../facts'
import { checkDns } from './dns'
import type { Finding, Level } from './finding'
import { checkPages } from './pages'
import { checkPeers } from './peers'
import { checkPorts } from './ports'
import { checkReadiness } from './readiness'
import { checkRoads } from './roads'
import { checkTerms } from './terms'

const CHECKS = [checkDns, checkRoads, checkReadiness, checkPeers, checkTerms, checkPages, checkPorts]
const WEIGHT: Readonly<Record<Level, number>> = { broken: 0, fragile: 1, hint: 2 }

/** What is to be said of these facts, the worst first. */
export function check(facts: Facts): readonly Finding[] {
  const findings = CHECKS.flatMap((one) => one(facts))
  return findings.sort((left, right) => WEIGHT[left.level] - WEIGHT[right.level])
}
