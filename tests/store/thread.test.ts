import { afterEach, expect, test } from 'vitest'
import { Thread } from '../../src/store/thread.js'
import { until } from '../helper.js'
import { codeOf, silent } from './harness.js'

const opened: Thread<unknown, string>[] = []

function makeThread(data: object = {}, deadlineMs = 400, repeatable = false): Thread<unknown, string> {
  const url = new URL('./thread-worker.js', import.meta.url)
  const thread = new Thread<unknown, string>({ url, data, deadlineMs, repeatable, log: silent })
  opened.push(thread)
  return thread
}

async function openThread(deadlineMs?: number): Promise<Thread<unknown, string>> {
  const thread = makeThread({}, deadlineMs)
  await thread.open()
  return thread
}

/** Asks until the thread answers again. */
const untilAnswers = (thread: Thread<unknown, string>) =>
  until(async () => (await thread.post('echo').catch(() => '')) === 'echo')

afterEach(async () => {
  await Promise.all(opened.splice(0).map(thread => thread.close()))
})

test('each request gets its own answer', async () => {
  const thread = await openThread()
  const answers = await Promise.all(['echo', 'fail', 'echo'].map(request => codeOf(thread.post(request))))
  expect(answers).toEqual([null, 'storage_unavailable', null])
})

test.each(['spin', 'exit', 'throw'])(
  'when a request makes it %s, all its callers fail and it is started again',
  async deed => {
    const thread = await openThread()
    const callers = [thread.post(deed), ...Array.from({ length: 50 }, () => thread.post('echo'))]
    const codes = await Promise.all(callers.map(codeOf))
    expect(new Set(codes)).toEqual(new Set(['storage_unavailable']))
    await untilAnswers(thread)
    expect(thread.inFlight).toBe(0)
  },
)

test.each(['spin', 'exit', 'throw'])(
  'when a request makes it %s and all may be repeated, only that one fails and the others are asked again',
  async deed => {
    const thread = makeThread({}, 400, true)
    await thread.open()
    const lost = codeOf(thread.post(deed))
    const behind = Array.from({ length: 50 }, () => thread.post('echo'))
    expect(await lost).toBe('storage_unavailable')
    expect(thread.inFlight).toBe(Number.POSITIVE_INFINITY)
    expect(new Set(await Promise.all(behind))).toEqual(new Set(['echo']))
    const left = [thread.post('spin'), thread.post('echo')].map(codeOf)
    await thread.close()
    expect(await Promise.all(left)).toEqual(['storage_unavailable', 'storage_unavailable'])
  },
)

test('it is started again as often as it is lost', async () => {
  const thread = await openThread()
  for (let i = 0; i < 4; i++) {
    expect(await codeOf(thread.post('exit'))).toBe('storage_unavailable')
    await untilAnswers(thread)
  }
})

test('while it is not there, requests fail at once and say why', async () => {
  const thread = await openThread()
  await codeOf(thread.post('exit'))
  await expect(thread.post('echo')).rejects.toThrow('the thread ended with code 3')
})

test('one that cannot start fails to open, and is not tried again', async () => {
  await expect(makeThread({ broken: true }).open()).rejects.toThrow('cannot start')
})

test('a request that cannot be cloned fails alone: the thread is not taken for hung', async () => {
  const thread = await openThread()
  const lost = codeOf(thread.post({ symbol: Symbol('not for other threads') }))
  expect(await lost).not.toBeNull()
  expect(thread.inFlight).toBe(0)
})

test('close fails who still waits, and ends a thread that hangs', async () => {
  const thread = await openThread(60_000)
  const waiting = codeOf(thread.post('spin'))
  await thread.close()
  expect(await waiting).toBe('storage_unavailable')
  await expect(thread.post('echo')).rejects.toThrow('closed')
})
