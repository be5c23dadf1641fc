import { defineConfig } from 'vitest/config'
import { fromPackage, fromSources } from './test/support/resolve-library'

// One project a tier (see CONTRIBUTING.md). No retries anywhere: a test that passes the second time is a defect.
function tier(name: string, options: object = {}) {
  return {
    plugins: [fromSources()],
    test: { name, include: [`test/${name}/**/*.test.ts`], environment: 'node', unstubGlobals: true, ...options },
  }
}

/** The same on the packed package, which is made first. */
function packed(name: string, options: object = {}) {
  return { ...tier(name, { globalSetup: 'test/support/consumer.ts', ...options }), plugins: [fromPackage()] }
}

/** The sources for a quick look at one file; `npm test` asks for the package (scripts/tiers.mjs). */
const either = process.env['FAILOVER_CLIENT_FROM'] === 'package' ? packed : tier

/** Real sockets and processes: one file after the other, and time enough for a loaded machine. */
const real = { fileParallelism: false, testTimeout: 30_000, hookTimeout: 30_000 }

export default defineConfig({
  test: {
    passWithNoTests: false,
    projects: [
      tier('unit', { testTimeout: 30_000 }),
      tier('types', {
        include: [],
        typecheck: {
          enabled: true,
          only: true,
          include: ['test/types/**/*.test-d.ts'],
          tsconfig: './tsconfig.json',
        },
      }),
      tier('conformance', { testTimeout: 30_000 }),
      tier('simulation', { testTimeout: 120_000 }),
      tier('contract', real),
      // Most of its time is waiting for the servers' own clocks, so several files wait side by side.
      either('integration', { ...real, fileParallelism: true, maxWorkers: 3 }),
      packed('package', { ...real, testTimeout: 120_000, globalSetup: 'test/package/global-setup.ts' }),
      packed('browser', { ...real, testTimeout: 60_000, hookTimeout: 60_000 }),
      tier('lab', { ...real, testTimeout: 120_000, hookTimeout: 120_000 }),
    ],
  },
})
