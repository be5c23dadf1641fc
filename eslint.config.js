import js from '@eslint/js'
import { defineConfig, globalIgnores } from 'eslint/config'
import tseslint from 'typescript-eslint'
import { arrows } from './scripts/lint/rooms.js'

// Formatting is prettier's. What the compiler already says is not said again here.

const NO_DEFAULT_EXPORT = { selector: 'ExportDefaultDeclaration', message: 'Named exports only.' }

const NO_PLATFORM_GUESS = {
  selector:
    "UnaryExpression[operator='typeof'] > :matches(" +
    'Identifier[name=/^(window|document|process|navigator|self|global|globalThis|importScripts|Deno|Bun)$/],' +
    'MemberExpression[object.name=/^(globalThis|self|window)$/]' +
    '[property.name=/^(window|document|process|navigator|Deno|Bun)$/])',
  message: 'The entry point chooses the platform; nobody guesses it at run time.',
}

const CORE_GLOBALS = [
  ...['Date', 'performance', 'Intl'].map((name) => [name, 'The core has no clock: take `now` as an argument.']),
  ...['setTimeout', 'setInterval', 'setImmediate', 'clearTimeout', 'clearInterval', 'queueMicrotask'].map((name) => [
    name,
    'The core has no timer: return a deadline.',
  ]),
  ...['crypto'].map((name) => [name, 'The core has no randomness: take a generator.']),
  ...['Promise', 'fetch', 'WebSocket', 'AbortController', 'process', 'console', 'window', 'document', 'navigator'].map(
    (name) => [name, 'The core does no I/O: return an effect.'],
  ),
  ...['globalThis', 'localStorage', 'structuredClone'].map((name) => [name, 'The core knows no globals.']),
].map(([name, message]) => ({ name, message }))

const CORE_PROPERTIES = [
  { object: 'Math', property: 'random', message: 'The core has no randomness: take a generator.' },
]

const NO_PROMISE = [
  { selector: ':function[async=true]', message: 'The core is synchronous.' },
  { selector: 'AwaitExpression', message: 'The core is synchronous.' },
]

export default defineConfig(
  globalIgnores(['dist/**', 'dist.*/**', '.tmp*/**', '**/.tmp-*', 'coverage/**', 'test/package/fixtures/**']),
  { linterOptions: { reportUnusedDisableDirectives: 'error' } },
  {
    files: ['**/*.{ts,mts,cts,js,mjs}'],
    extends: [js.configs.recommended, tseslint.configs.recommended],
    rules: {
      // The compiler knows better, also in scripts: they are type-checked.
      'no-undef': 'off',
      'max-len': ['error', { code: 120, ignoreUrls: true, ignoreRegExpLiterals: true }],
      eqeqeq: ['error', 'always', { null: 'ignore' }],
      'no-var': 'error',
      'prefer-const': 'error',
      'object-shorthand': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
    },
  },
  {
    files: ['{src,test,bench,examples}/**/*.ts'],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/ban-ts-comment': ['error', { 'ts-expect-error': 'allow-with-description' }],
      '@typescript-eslint/consistent-type-imports': ['error', { disallowTypeAnnotations: false }],
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': 'error',
      '@typescript-eslint/await-thenable': 'error',
      '@typescript-eslint/only-throw-error': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
    },
  },
  {
    files: ['src/**/*.ts'],
    plugins: { house: { rules: { arrows } } },
    rules: {
      'house/arrows': 'error',
      'no-console': 'error',
      // 500 is the hard stop: test/unit/tidy.test.ts.
      'max-lines': ['warn', { max: 300 }],
      'max-lines-per-function': ['error', { max: 70, skipComments: true, skipBlankLines: true }],
      'no-restricted-syntax': ['error', NO_DEFAULT_EXPORT, NO_PLATFORM_GUESS],
    },
  },
  {
    files: ['src/core/**/*.ts', 'src/errors.ts'],
    rules: {
      'no-restricted-globals': ['error', ...CORE_GLOBALS],
      'no-restricted-properties': ['error', ...CORE_PROPERTIES],
      'no-restricted-syntax': ['error', NO_DEFAULT_EXPORT, NO_PLATFORM_GUESS, ...NO_PROMISE],
    },
  },
  {
    files: ['src/cli/**/*.ts', 'src/testing/node/**/*.ts'],
    rules: { 'no-console': 'off' },
  },
)
