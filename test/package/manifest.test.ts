import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { publint } from 'publint'
import { describe, expect, inject, it } from 'vitest'
import { bin, runNode } from '../support/commands'

const { folder, tarball } = inject('consumer')
const home = join(folder, 'node_modules', 'failover-client')

describe('manifest of the packed package', () => {
  it('is clean for publint --strict', async () => {
    const { messages } = await publint({ pkgDir: home, strict: true, pack: false })
    expect(messages).toEqual([])
  })

  it('is clean for attw from ESM, from CommonJS and for bundlers', () => {
    const attw = bin('@arethetypeswrong', 'cli', 'dist', 'index.js')
    // Its profile "node16" leaves out only "node10", the resolution that knows no `exports` and so no subpath.
    const check = runNode([attw, tarball, '--profile', 'node16', '--no-emoji'], folder)
    expect(check.status, check.output).toBe(0)
  })

  it('names only files that are there', () => {
    const { exports, bin, main, module, types } = JSON.parse(readFileSync(join(home, 'package.json'), 'utf8')) as {
      [member: string]: unknown
    }
    const named = JSON.stringify([exports, bin, main, module, types]).match(/"\.\/[^"]+\.[a-z]+"/g) ?? []
    const paths = named.map((text) => JSON.parse(text) as string)
    expect(paths.length).toBeGreaterThan(10)
    expect(paths.filter((path) => !existsSync(join(home, path)))).toEqual([])
  })

  it('carries what it promises and nothing of the workshop', () => {
    for (const file of ['LICENSE', 'README.md', 'CHANGELOG.md', 'PROTOCOL.md']) {
      expect(existsSync(join(home, file)), file).toBe(true)
    }
    for (const file of ['src', 'test', 'scripts', '.ci', 'dist/.built', 'package-lock.json']) {
      expect(existsSync(join(home, file)), file).toBe(false)
    }
  })
})
