import { setTimeout as sleep } from 'node:timers/promises'
import { pino } from 'pino'
import { afterEach, expect, test } from 'vitest'
import { Listeners } from '../../src/audio/listeners.js'
import type { Job, Outcome } from '../../src/audio/result.js'
import type { Source } from '../../src/objects/objects.js'
import { until } from '../helper.js'
import { silent } from '../store/harness.js'

const opened: Listeners[] = []
afterEach(async () => {
  await Promise.all(opened.splice(0).map(listeners => listeners.close()))
})

/** Listens to recordings of these types, one after the other; where it says `away`, nobody answers. @returns what came of each, by its number */
function listenTo(
  types: readonly string[],
  deadlineMs = 500,
  log = silent,
  idOf: (i: number) => string = String,
  source: Source = { file: '/dev/null' },
): Map<string, Outcome> {
  const jobs = types.map((content_type, i): Job => {
    const sound = { bytes: 1, sha256: null, max_seconds: 1, source, models: [] }
    return { recording_id: idOf(i), receipt: String(i), attempt: 1, content_type, ...sound }
  })
  const outcomes = new Map<string, Outcome>()
  const work = {
    claim: async (signal: AbortSignal) => {
      const job = jobs.shift()
      if (job?.content_type === 'away') throw new Error('nobody answers')
      return job ?? sleep(60_000, null, { signal })
    },
    finish: async ({ receipt }: Job, outcome: Outcome) => void outcomes.set(receipt, outcome),
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

test('one that takes all its time twice is not tried again, however often its thread was lost before', async () => {
  const ids = ['slow', 'unlucky', 'slow', 'unlucky', 'slow', 'unlucky', 'slow']
  const types = ['hang', 'exit', 'exit', 'exit', 'hang', 'exit', 'hear']
  const outcomes = listenTo(types, 500, silent, i => ids[i] ?? '')
  await until(() => outcomes.size === types.length, 10_000)
  const again = [true, true, true, true, false, true, undefined]
  expect([...outcomes.values()].map(outcome => ('again' in outcome ? outcome.again : undefined))).toEqual(again)
  const afar = listenTo(['hang', 'hang'], 500, silent, () => 'afar', { url: 'http://127.0.0.1:9' })
  await until(() => afar.size === 2, 10_000)
  expect([...afar.values()]).toMatchObject([{ again: true }, { again: true }])
})

test('one that makes its thread run out of memory ends the thread and not the hub', async () => {
  const outcomes = listenTo(['eat', 'hear'], 20_000)
  await until(() => outcomes.size === 2, 25_000)
  expect([...outcomes.values()]).toMatchObject([
    { again: true, error: { message: expect.stringMatching(/memory/) } },
    { result: {} },
  ])
})

test.each([0, 300])('who is told to stop after %i ms does not wait for a thread that opens or hangs', async ms => {
  const outcomes = listenTo(['hang'], 60_000)
  await sleep(ms)
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
