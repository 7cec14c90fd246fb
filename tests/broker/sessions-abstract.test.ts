import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { run } from '../programs.js'

test('the sessions pass the suite that aedes-persistence publishes', async () => {
  const suite = fileURLToPath(new URL('./abstract-suite.js', import.meta.url))
  const { code, out } = await run(process.execPath, ['--test', '--test-reporter=tap', '--test-timeout=60000', suite])
  const counted = (what: string) => Number(new RegExp(`^# ${what} (\\d+)$`, 'm').exec(out)?.[1])
  expect(out.split('\n').filter(line => line.trim().startsWith('not ok'))).toEqual([])
  expect(counted('pass')).toBeGreaterThan(40)
  expect(counted('fail') + counted('cancelled') + counted('skipped')).toBe(0)
  expect(code).toBe(0)
}, 120_000)
