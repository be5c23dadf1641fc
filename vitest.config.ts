import { defineConfig } from 'vitest/config'

// One project a tier (see CONTRIBUTING.md). No retries anywhere: a test that passes the second time is a defect.
function tier(name: string, options: object = {}) {
  return {
    test: { name, include: [`test/${name}/**/*.test.ts`], environment: 'node', unstubGlobals: true, ...options },
  }
}

/** Real sockets and processes: one file after the other, and time enough for a loaded machine. */
const real = { fileParallelism: false, testTimeout: 30_000, hookTimeout: 30_000 }

export default defineConfig({
  test: {
    passWithNoTests: false,
    projects: [
      tier('unit', { testTimeout: 10_000 }),
      tier('types', {
        include: [],
        typecheck: {
          enabled: true,
          only: true,
          include: ['test/types/**/*.test-d.ts'],
          tsconfig: './tsconfig.json',
        },
      }),
      tier('conformance'),
      tier('simulation', { testTimeout: 120_000 }),
      tier('contract', real),
      // Most of its time is waiting for the servers' own clocks, so several files wait side by side.
      tier('integration', { ...real, fileParallelism: true, maxWorkers: 3 }),
      tier('package', { ...real, testTimeout: 120_000, globalSetup: 'test/package/global-setup.ts' }),
      tier('browser', { ...real, testTimeout: 60_000, hookTimeout: 60_000 }),
      tier('lab', { ...real, testTimeout: 120_000, hookTimeout: 120_000 }),
    ],
  },
})
