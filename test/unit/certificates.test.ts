/** The certificates of the tests: valid whatever the clock of the machine says, for the names they are used with. */
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { expect, it } from 'vitest'
import { TLS } from '../integration/cluster-tls'
import { TEST_CERTIFICATE, TEST_KEY } from '../support/certificate'

it.each([
  ['the contract tests', TEST_CERTIFICATE, TEST_KEY, ['srv1.contoso.test', 'pool.contoso.test']],
  ['the cluster', TLS.cert, TLS.key, ['cluster.test']],
])('the certificate of %s is valid from 2020 to 2100', (_what, pem, key, names) => {
  const certificate = new X509Certificate(pem)
  expect(Date.parse(certificate.validFrom)).toBeLessThanOrEqual(Date.parse('2020-01-01T00:00:00Z'))
  expect(Date.parse(certificate.validTo)).toBeGreaterThanOrEqual(Date.parse('2100-01-01T00:00:00Z'))
  for (const name of names) expect(certificate.checkHost(name)).toBe(name)
  expect(certificate.checkPrivateKey(createPrivateKey(key))).toBe(true)
  expect(certificate.verify(certificate.publicKey)).toBe(true)
})
