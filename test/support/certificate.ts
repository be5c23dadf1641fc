/**
 * A self-signed certificate for `srv1.contoso.test` and `pool.contoso.test`, valid from 2020 to 2100, and its key; for
 * tests on loopback only: the key is public. Made of that key by
 *
 *     openssl req -new -key key.pem -subj /CN=srv1.contoso.test -out request.pem
 *     openssl ca -selfsign -batch -notext -config ca.cnf -keyfile key.pem -in request.pem -out cert.pem \
 *       -startdate 20200101000000Z -enddate 21000101000000Z
 *
 * with the extensions subjectAltName=DNS:srv1.contoso.test,DNS:pool.contoso.test and basicConstraints=critical,CA:TRUE
 * in `ca.cnf`: whatever the clock of a machine says, it is valid there.
 */
import { readFileSync } from 'node:fs'

function read(name: string): string {
  return readFileSync(new URL(`certificate/${name}`, import.meta.url), 'utf8')
}

/** The certificate, which is its own authority. PEM. */
export const TEST_CERTIFICATE = read('cert.pem')
/** The same, made in the same way, that ended in 2021. PEM. */
export const EXPIRED_CERTIFICATE = read('expired.pem')
/**
 * The same, with 299 names, some of them no names (a comma, an escape sequence, 300 characters), and an issuer with
 * another escape sequence, a line end and a character that turns the direction of text. PEM.
 */
export const HOSTILE_CERTIFICATE = read('hostile.pem')
/** Their key. PEM. */
export const TEST_KEY = read('key.pem')
