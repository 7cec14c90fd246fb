import { defineConfig } from 'vitest/config'

// The tests run as compiled, on the program as compiled: what is tested is what ships, worker threads and command line included.
export default defineConfig({
  test: {
    include: ['dist/tests/**/*.test.js'],
    exclude: ['dist/tests/{clients,browser}/**'],
    testTimeout: 30_000,
    hookTimeout: 30_000,
    maxWorkers: 2,
  },
})
