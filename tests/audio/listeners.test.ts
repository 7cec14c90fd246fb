import { setTimeout as sleep } from 'node:timers/promises'
import { pino } from 'pino'
import { afterEach, expect, test } from 'vitest'
import { Listeners } from '../../src/audio/listeners.js'
import type { Job, Outcome } from '../../src/audio/result.js'
import { until } from '../helper.js'
import { silent } from '../store/harness.js'

const opened: Listeners[] = []
afterEach(async () => {
  await Promise.all(opened.splice(0).map(listeners => listeners.close()))
})

/** Listens to recordings of these types, one after the other; where it says `away`, nobody answers. @returns what came of each, by its number */
function listenTo(types: readonly string[], deadlineMs = 500, log = silent): Map<string, Outcome> {
  const jobs = types.map((content_type, i): Job => {
    const sound = { bytes: 1, sha256: null, max_seconds: 1, source: { file: '/dev/null' }, models: [] }
    return { recording_id: String(i), receipt: 'x', attempt: 1, content_type, ...sound }
  })
  const outcomes = new Map<string, Outcome>()
  const work = {
    claim: async (signal: AbortSignal) => {
      const job = jobs.shift()
      if (job?.content_type === 'away') throw new Error('nobody answers')
      return job ?? sleep(60_000, null, { signal })
    },
    finish: async ({ recording_id }: Job, outcome: Outcome) => void outcomes.set(recording_id, outcome),
  }
  const url = new URL('./unruly-thread.js', import.meta.url)
  const listeners = new Listeners({ threads: 1, work, log, url, deadlineMs })
  opened.push(listeners)
  listeners.start()
  return outcomes
}

test.each(['hang', 'exit', 'throw'])(
  'a recording that makes its thread %s is tried again, and the next one is listened to',
  async deed => {
    const outcomes = listenTo([deed, 'hear', deed, 'hear'])
    await until(() => outcomes.size === 4)
    const again = { error: { code: 'gave_up', message: expect.stringContaining('Nobody could listen') }, again: true }
    const heard = { result: expect.objectContaining({ seconds: 1 }) }
    expect([...outcomes.values()]).toEqual([again, heard, again, heard])
  },
)

test('one that makes its thread run out of memory ends the thread and not the hub', async () => {
  const outcomes = listenTo(['eat', 'hear'], 20_000)
  await until(() => outcomes.size === 2, 25_000)
  expect([...outcomes.values()]).toMatchObject([
    { again: true, error: { message: expect.stringMatching(/memory/) } },
    { result: {} },
  ])
})

test('who is told to stop does not wait for a thread that hangs', async () => {
  const outcomes = listenTo(['hang'], 60_000)
  await sleep(300)
  const begun = performance.now()
  await opened[0]?.close()
  expect(performance.now() - begun).toBeLessThan(4000)
  expect([...outcomes.values()]).toMatchObject([{ again: true }])
})

test('that nobody answers who has the recordings is said once, and so is that somebody does', async () => {
  const lines: string[] = []
  const log = pino({}, { write: line => void lines.push(line) })
  const outcomes = listenTo(['away', 'away', 'hear'], 500, log)
  await until(() => outcomes.size === 1, 10_000)
  const said = ['recordings cannot be asked for', 'recordings can be asked for again']
  expect(lines).toEqual(said.map(words => expect.stringContaining(words)))
})
