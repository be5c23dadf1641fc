/**
 * A self-signed certificate for `srv1.contoso.test` and `pool.contoso.test`, valid for 100 years, and its key; for
 * tests on loopback only: the key is public. Made by:
 *
 *     openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 36500 \
 *       -subj /CN=srv1.contoso.test -addext subjectAltName=DNS:srv1.contoso.test,DNS:pool.contoso.test \
 *       -keyout key.pem -out cert.pem
 */
import { readFileSync } from 'node:fs'

function read(name: string): string {
  return readFileSync(new URL(`certificate/${name}`, import.meta.url), 'utf8')
}

/** The certificate, which is its own authority. PEM. */
export const TEST_CERTIFICATE = read('cert.pem')
/** Its key. PEM. */
export const TEST_KEY = read('key.pem')
