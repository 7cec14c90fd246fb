import { Readable } from 'node:stream'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { announce } from '../../src/audio/intake.js'
import type { Job, Result } from '../../src/audio/result.js'
import { getRecording, keyOf, type Recording } from '../../src/audio/rows.js'
import { enqueueLost, sweepOrphans, sweepSound, sweepUnconfirmed, trimRecordings } from '../../src/audio/sweep.js'
import { type Started, startApi } from '../api/harness.js'
import { wav } from './sound.js'

let hub: Started
const sound = wav({ seconds: 0.1 })
const never = new AbortController().signal
beforeAll(async () => {
  hub = await startApi({ HEARTH_AUDIO_WORKERS: '0' })
  await hub.device('mic')
})
afterAll(() => hub.close())

const context = () => ({ db: hub.store.db, objects: hub.audio.objects })
const again = (id: string) => getRecording(hub.store.db, id)

async function announced(): Promise<Recording> {
  const wanted = { device_id: 'mic', home_id: 'home', content_type: 'audio/wav', bytes: sound.length, sha256: null }
  return (await announce(hub.store.db, hub.audio.objects, { ...wanted, recorded_at: 1 })).recording
}

async function uploaded(bytes = sound): Promise<Recording> {
  const recording = await announced()
  await hub.audio.own_objects?.put({ key: keyOf(recording), ...recording, bytes: bytes.length }, Readable.from([bytes]))
  return recording
}

async function queued(): Promise<Recording> {
  return hub.audio.recordings.confirm(await uploaded())
}

const claim = () => hub.audio.recordings.claim({ by: 'hub', wait_ms: 0, signal: never })

async function claimed(): Promise<Job> {
  const job = await claim()
  if (!job) throw new Error('nothing is there to be claimed')
  return job
}

const heard = (detected: boolean): Result => ({
  format: 'wav',
  rate: 16_000,
  channels: 1,
  seconds: 0.1,
  took_ms: 1,
  detections: [{ key: 'loudness', detected, score: 1, details: {} }],
})

describe('confirming', () => {
  test.each<[string, () => Promise<Recording>]>([
    ['that nothing was uploaded', announced],
    ['another length', () => uploaded(sound.subarray(0, 100))],
    ['another kind of file', () => uploaded(Buffer.alloc(sound.length, 'x'))],
  ])('tells %s, and the recording goes on waiting', async (_, make) => {
    const recording = await make()
    await expect(hub.audio.recordings.confirm(recording)).rejects.toMatchObject({ code: 'conflict' })
    expect(await again(recording.id)).toMatchObject({ status: 'waiting' })
  })

  test('twice, or ten times at once, is one job', async () => {
    const recording = await uploaded()
    const all = await Promise.all(Array.from({ length: 10 }, () => hub.audio.recordings.confirm(recording)))
    expect(new Set(all.map(({ status }) => status))).toEqual(new Set(['queued']))
    const job = await claimed()
    expect(job.recording_id).toBe(recording.id)
    expect(await claim()).toBeNull()
    await hub.audio.recordings.finish(job, { result: heard(false) })
    expect(await hub.audio.queue.counts()).toMatchObject({ open: 0 })
  })
})

describe('a recording is settled once', () => {
  test('whoever comes later with another outcome changes nothing, and the alert is raised once', async () => {
    const { id } = await queued()
    const job = await claimed()
    await hub.audio.recordings.finish(job, { result: heard(true) })
    await hub.audio.recordings.finish(job, { error: { code: 'x', message: 'x' }, again: false })
    await hub.audio.recordings.finish(job, { result: heard(true) })
    expect(await again(id)).toMatchObject({ status: 'done', error: null, attempts: 1, alerted: 1 })
    const alert = await hub.store.db
      .selectFrom('alerts')
      .selectAll()
      .where('device_id', '=', 'mic')
      .executeTakeFirstOrThrow()
    expect(alert).toMatchObject({ key: 'loudness', times: 1, source: 'detector' })
  })

  test('whoever gives it up after another has settled it leaves no trace', async () => {
    const { id } = await queued()
    const job = { ...(await claimed()), attempt: 5 }
    const { dead } = await hub.audio.queue.counts()
    await hub.store.db.updateTable('recordings').set({ status: 'done', settled_at: 1 }).where('id', '=', id).execute()
    await hub.audio.recordings.finish(job, { error: { code: 'gave_up', message: 'nobody could' }, again: true })
    expect(await again(id)).toMatchObject({ status: 'done', error: null })
    expect(await hub.audio.queue.counts()).toEqual({ open: 0, dead })
  })

  test('what a crash left untold is told by whoever takes it next', async () => {
    const { id } = await queued()
    await claimed()
    const times = async () =>
      (await hub.store.db.selectFrom('alerts').select('times').where('key', '=', 'loudness').executeTakeFirstOrThrow())
        .times
    const before = await times()
    const result = heard(true)
    await hub.store.db
      .updateTable('recordings')
      .set({ status: 'done', settled_at: 1, result })
      .where('id', '=', id)
      .execute()
    await hub.store.db.updateTable('work').set({ visible_at: 0, receipt: null }).where('id', '=', id).execute()
    expect(await claim()).toBeNull()
    expect(await times()).toBe(before + 1)
    expect(await hub.audio.queue.counts()).toMatchObject({ open: 0 })
  })

  test('one that ends in nothing is tried again, and given up after five attempts; then it can be tried anew', async () => {
    const { id } = await queued()
    for (let attempt = 1; attempt <= 5; attempt++) {
      await hub.store.db.updateTable('work').set({ visible_at: 0 }).execute()
      const job = await claimed()
      expect(job.attempt).toBe(attempt)
      await hub.audio.recordings.finish(job, { error: { code: 'gave_up', message: 'nobody could' }, again: true })
      expect(await claim()).toBeNull()
    }
    const failed = await again(id)
    expect(failed).toMatchObject({ status: 'failed', attempts: 5, error: { code: 'gave_up' } })
    expect(await hub.audio.queue.counts()).toMatchObject({ open: 0, dead: 1 })
    await hub.audio.recordings.retry(failed)
    const job = await claimed()
    expect(job.attempt).toBe(1)
    await hub.audio.recordings.finish(job, { result: heard(false) })
    expect(await again(id)).toMatchObject({ status: 'done', error: null })
    await expect(hub.audio.recordings.retry(await again(id))).rejects.toMatchObject({ code: 'conflict' })
  })
})

test('what lies between the commit and the queue is found, and is one job', async () => {
  const { id } = await uploaded()
  await hub.store.db.updateTable('recordings').set({ status: 'queued' }).where('id', '=', id).execute()
  await enqueueLost(context(), hub.audio.recordings, Date.now())
  expect(await claim()).toBeNull()
  const later = Date.now() + 60_000
  for (let i = 0; i < 3; i++) await enqueueLost(context(), hub.audio.recordings, later)
  const job = await claimed()
  expect(job.recording_id).toBe(id)
  await hub.audio.recordings.finish(job, { result: heard(false) })
  expect(await claim()).toBeNull()
})

test('what was never confirmed goes with its sound, old sound goes, and so do objects that nobody knows', async () => {
  const late = await uploaded()
  const kept = await queued()
  await hub.audio.recordings.finish(await claimed(), { result: heard(false) })
  const orphan = { key: 'recordings/orphan', content_type: 'audio/wav', bytes: sound.length }
  await hub.audio.own_objects?.put(orphan, Readable.from([sound]))
  const hours = (n: number) => Date.now() + n * 3_600_000
  await sweepUnconfirmed(context(), Date.now())
  expect(await again(late.id)).toMatchObject({ status: 'waiting' })
  await sweepUnconfirmed(context(), hours(2))
  await expect(again(late.id)).rejects.toMatchObject({ code: 'not_found' })
  expect(await hub.audio.objects.size(keyOf(late))).toBeNull()

  await sweepOrphans(context(), Date.now())
  expect(await hub.audio.objects.size(orphan.key)).not.toBeNull()
  await sweepOrphans(context(), hours(2))
  expect(await hub.audio.objects.size(orphan.key)).toBeNull()
  expect(await hub.audio.objects.size(keyOf(kept))).not.toBeNull()

  await trimRecordings(context(), hours(1))
  await sweepSound(context(), hours(1))
  expect(await hub.audio.objects.size(keyOf(kept))).toBeNull()
  expect((await again(kept.id)).deleted_at).not.toBeNull()
  await trimRecordings(context(), hours(1))
  await expect(again(kept.id)).rejects.toMatchObject({ code: 'not_found' })
})

test('of one device a hundred recordings may be under way', async () => {
  await hub.device('eager')
  const body = { device_id: 'eager', content_type: 'audio/wav', bytes: 1 }
  const ask = async () => (await hub.call('POST', '/api/v1/ingest', { body })).status
  const all = await Promise.all(Array.from({ length: 105 }, ask))
  expect(all.filter(status => status === 201)).toHaveLength(100)
  expect(all.filter(status => status === 409)).toHaveLength(5)
})
