import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, onTestFinished, test } from 'vitest'
import { createRandom } from '../../simulators/random.js'
import type { HearthClient } from '../../src/client/client.js'
import { wav } from '../audio/sound.js'
import { upload } from '../audio/uploading.js'
import { until } from '../helper.js'
import { clientOf, makeDevices, portsOf, startChild } from './child.js'

const kills = Number(process.env.HEARTH_TEST_KILLS ?? 20)
const atOnce = 12
const seed = Number(process.env.HEARTH_TEST_SEED ?? Date.now() % 1_000_000)
const random = createRandom(seed)
const pick = <T>(items: readonly T[]): T => items[Math.floor(random.next() * items.length)] as T

interface Recording {
  readonly id: string
  readonly device_id: string
  readonly status: string
  readonly attempts: number
  readonly result: { readonly detections: { readonly key: string; readonly detected: boolean }[] } | null
}

interface Alert {
  readonly device_id: string
  readonly key: string
  readonly times: number
}

/** All of a list. */
async function all<Row>(client: HearthClient, path: string, name: string): Promise<Row[]> {
  const rows: Row[] = []
  for (let cursor = ''; ; ) {
    const page = await client.get<Record<string, Row[]> & { next_cursor: string | null }>(
      `${path}?limit=500${cursor && `&cursor=${cursor}`}`,
    )
    rows.push(...(page[name] ?? []))
    if (page.next_cursor === null) return rows
    cursor = page.next_cursor
  }
}

const sounds = {
  loud: wav({ amplitude: 1 }),
  quiet: wav({ amplitude: 0.001 }),
  broken: Buffer.concat([Buffer.from('RIFF'), Buffer.alloc(2000, 9)]),
} as const
type Kind = keyof typeof sounds
const kinds = Object.keys(sounds) as Kind[]

test(`kill -9, ${kills} times, with recordings under way: each ends once and as it should, and raises its alert once (seed ${seed})`, async () => {
  const data_dir = await mkdtemp(join(tmpdir(), 'hearth-audio-kills-'))
  let hub = await startChild(data_dir)
  const ports = portsOf(hub)
  const url = `http://127.0.0.1:${ports.HEARTH_HTTP_PORT}`
  const { client } = await clientOf(hub)
  const keys = [...(await makeDevices(hub, 4)).values()]
  onTestFinished(async () => {
    await hub.end('SIGKILL')
    await rm(data_dir, { recursive: true, force: true })
  })

  /** What was sent, of those recordings of which the confirmation was answered. */
  const confirmed = new Map<string, Kind>()
  const send = async () => {
    const kind = pick(kinds)
    const api_key = pick(keys)
    const sent = await upload({ url, api_key }, sounds[kind]).catch(() => null)
    if (sent) confirmed.set(sent.id, kind)
  }
  for (let i = 0; i < kills; i++) {
    const enough = confirmed.size + random.between(2, atOnce - 3)
    const sending = Array.from({ length: atOnce }, () => sleep(random.between(0, 300)).then(send))
    await until(() => confirmed.size >= enough)
    await sleep(random.between(0, 150))
    await hub.end('SIGKILL')
    await Promise.all(sending)
    hub = await startChild(data_dir, ports)
  }

  const rows = await until(async () => {
    const found = await all<Recording>(client, '/ingest', 'recordings')
    return found.some(({ status }) => status === 'queued') ? null : found
  }, 60_000)
  const known = new Map(rows.map(row => [row.id, row]))
  const wrong = [...confirmed].filter(([id, kind]) => known.get(id)?.status !== (kind === 'broken' ? 'failed' : 'done'))
  expect(wrong.map(([id, kind]) => [kind, known.get(id)])).toEqual([])
  expect(confirmed.size).toBeGreaterThan(kills * 2)
  const wanted: Record<string, number> = {}
  for (const { device_id, result } of rows)
    for (const { key, detected } of result?.detections ?? [])
      if (detected) wanted[`${device_id} ${key}`] = (wanted[`${device_id} ${key}`] ?? 0) + 1
  const alerts = await all<Alert>(client, '/alerts', 'alerts')
  expect(Object.fromEntries(alerts.map(({ device_id, key, times }) => [`${device_id} ${key}`, times]))).toEqual(wanted)
  const metrics = await (await fetch(`${url}/metrics`)).text()
  expect(metrics).toContain('hearth_recordings_waiting{state="open"} 0')
  const again = rows.filter(({ attempts }) => attempts > 1).length
  console.log(
    `${confirmed.size} confirmed, ${rows.length} rows, ${again} taken up again after a kill, ${alerts.length} alerts`,
  )
}, 240_000)
