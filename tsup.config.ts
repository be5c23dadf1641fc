import { defineConfig, type Options } from 'tsup'

// Only options that tsdown shares: tsup is unmaintained by its own word (see ARCHITECTURE.md, "Tools").
// Not `clean`: the three builds run side by side and would remove each other's files. scripts/build.mjs starts afresh.
const shared: Options = { format: ['esm', 'cjs'], dts: true, sourcemap: true, target: 'es2022' }

export default defineConfig([
  {
    ...shared,
    platform: 'node',
    entry: {
      index: 'src/index.ts',
      node: 'src/node.ts',
      testing: 'src/testing/index.ts',
      'testing/node': 'src/testing/node/index.ts',
    },
  },
  { ...shared, platform: 'browser', entry: { 'index.browser': 'src/index.browser.ts' } },
  {
    ...shared,
    format: ['esm'],
    dts: false,
    platform: 'node',
    entry: { cli: 'src/cli/main.ts', 'testing/server': 'src/testing/node/server/main.ts' },
  },
])
