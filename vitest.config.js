import { defineConfig } from 'vitest/config'

const outside = 'dist/tests/{clients,browser}/**/*.test.js'
/** What promises a time is measured with the machine to itself. */
const timed = 'dist/tests/{flow/{kill,rule-kills,hung-writer},broker/{pressure,limits}}.test.js'

// The tests run as compiled, on the program as compiled: what is tested is what ships, worker threads and command line included.
// Nothing of a hub lives outside of its handle, so test files may share a process: loading every package for each was a third of the work.
export default defineConfig({
  test: {
    testTimeout: 30_000,
    hookTimeout: 30_000,
    // They wait more than they work.
    maxWorkers: 3,
    projects: [
      {
        extends: true,
        test: { name: 'node', include: ['dist/tests/**/*.test.js'], exclude: [outside, timed], isolate: false },
      },
      { extends: true, test: { name: 'timed', include: [timed], fileParallelism: false, sequence: { groupOrder: 1 } } },
      { extends: true, test: { name: 'outside', include: [outside] } },
    ],
  },
})
