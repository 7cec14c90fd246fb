import { createSqsServer } from 'local-aws-sqs'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Queue, Taken } from '../../src/queue/queue.js'
import { SqsQueue } from '../../src/queue/sqs-queue.js'
import { StoreQueue } from '../../src/queue/store-queue.js'
import { until } from '../helper.js'
import { freePort } from '../ports.js'
import { openTestStore } from '../store/harness.js'

interface Opened {
  readonly queue: Queue
  close(): Promise<unknown>
}

async function inStore(): Promise<Opened> {
  const { db, close } = await openTestStore()
  return { queue: new StoreQueue(db), close }
}

async function inSqs(): Promise<Opened> {
  const port = await freePort()
  const queues = ['work', 'dead'].map(QueueName => ({ QueueName }))
  const server = await createSqsServer({ port, hostname: '127.0.0.1', queues })
  const at = (name: string) => `http://127.0.0.1:${port}/123456789012/${name}`
  const credentials = { accessKeyId: 'x', secretAccessKey: 'x' }
  const queue = new SqsQueue({ url: at('work'), dead_url: at('dead'), region: 'us-east-1', credentials })
  return { queue, close: async () => server.close() }
}

describe.each([
  ['in the store', inStore],
  ['in SQS', inSqs],
] as const)('a queue %s', (_, open) => {
  let opened: Opened
  const never = new AbortController().signal
  const take = (ms = 60_000, wait_ms = 0, signal = never): Promise<Taken | null> =>
    opened.queue.take({ by: 'hub', ms, wait_ms, signal })
  /** Takes what is there. */
  const taken = (ms?: number) => until(() => take(ms))
  beforeAll(async () => {
    opened = await open()
  })
  afterAll(() => opened.close())
  beforeEach(async () => {
    for (let left = await take(); left; left = await take()) await opened.queue.done(left)
  })

  test('hands out each piece of work once, until it is done', async () => {
    for (const id of ['a', 'b', 'c']) await opened.queue.put(id)
    const all = [await taken(), await taken(), await taken()]
    expect(all.map(({ id }) => id).sort()).toEqual(['a', 'b', 'c'])
    expect(all.map(({ attempt }) => attempt)).toEqual([1, 1, 1])
    expect(await take()).toBeNull()
    for (const one of all) await opened.queue.done(one)
    expect((await opened.queue.counts()).open).toBe(0)
  })

  test('hands it out again when its time is over, and counts the attempts', async () => {
    await opened.queue.put('slow')
    const first = await taken(1000)
    expect(await take()).toBeNull()
    const second = await taken()
    expect(second).toMatchObject({ id: 'slow', attempt: 2 })
    expect(second.receipt).not.toBe(first.receipt)
    await opened.queue.done(second)
  })

  test('hands it out again no earlier than was said', async () => {
    await opened.queue.put('later')
    const begun = performance.now()
    await opened.queue.retry(await taken(), 2000)
    expect(await take()).toBeNull()
    const again = await taken()
    expect(again.id).toBe('later')
    expect(again.attempt).toBeGreaterThan(1)
    expect(performance.now() - begun).toBeGreaterThan(1000)
    await opened.queue.done(again)
  })

  test('keeps what is given up, and hands it out no more', async () => {
    const { dead } = await opened.queue.counts()
    await opened.queue.put('hopeless')
    await opened.queue.bury(await taken(), 'nobody could do it')
    expect(await opened.queue.counts()).toEqual({ open: 0, dead: dead + 1 })
    expect(await take()).toBeNull()
  })

  test('has whoever waits get what is put meanwhile', async () => {
    const waiting = take(60_000, 5000)
    await opened.queue.put('awaited')
    const got = await waiting
    expect(got).toMatchObject({ id: 'awaited' })
    if (got) await opened.queue.done(got)
  })

  test('lets go of whoever waits no more', async () => {
    const patience = new AbortController()
    const waiting = take(60_000, 20_000, patience.signal)
    patience.abort()
    expect(await waiting).toBeNull()
  })

  test('counts what is there', async () => {
    await opened.queue.put('x')
    await opened.queue.put('y')
    expect((await opened.queue.counts()).open).toBe(2)
    await opened.queue.done(await taken())
    await opened.queue.done(await taken())
  })
})

test('in the store, what a hub had taken that is gone can be taken at once, and of two who come at once one gets it', async () => {
  const { db, close } = await openTestStore()
  const queue = new StoreQueue(db)
  const take = (by: 'hub' | 'outside') =>
    queue.take({ by, ms: 60_000, wait_ms: 0, signal: new AbortController().signal })
  await queue.put('a')
  await queue.put('a')
  const both = await Promise.all([take('hub'), take('hub')])
  expect(both.filter(one => one !== null)).toHaveLength(1)
  await queue.giveBack()
  const again = await take('outside')
  expect(again).toMatchObject({ id: 'a', attempt: 2 })
  await queue.giveBack()
  expect(await take('hub')).toBeNull()
  await close()
})

test.each(['done', 'retry', 'bury'] as const)(
  'in the store, %s by whoever comes too late has no effect',
  async deed => {
    const { db, close } = await openTestStore()
    const queue = new StoreQueue(db)
    const take = (ms: number) => queue.take({ by: 'outside', ms, wait_ms: 0, signal: new AbortController().signal })
    const deeds = {
      done: (late: Taken) => queue.done(late),
      retry: (late: Taken) => queue.retry(late, 0),
      bury: (late: Taken) => queue.bury(late, 'too late'),
    }
    await queue.put('a')
    const late = await until(() => take(0))
    const held = await until(() => take(60_000))
    await deeds[deed](late)
    expect(await take(60_000)).toBeNull()
    expect(await queue.counts()).toEqual({ open: 1, dead: 0 })
    await queue.done(held)
    expect(await queue.counts()).toEqual({ open: 0, dead: 0 })
    await close()
  },
)
