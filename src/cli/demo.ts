import type { Config } from '../../config/config.js'
import { Device } from '../../simulators/device.js'
import { inhabited } from '../../simulators/habits.js'
import type { Model } from '../../simulators/model.js'
import { models } from '../../simulators/models.js'
import { past } from '../../simulators/past.js'
import { deriveSeed } from '../../simulators/random.js'
import { record, system } from '../audit/audit.js'
import { findDevice, getDevice } from '../devices/devices.js'
import { createKey, listKeys, revokeKey } from '../devices/keys.js'
import { getState } from '../devices/state.js'
import { HubError } from '../errors.js'
import type { Hub } from '../hub.js'
import { linkToken } from '../people/sessions.js'
import { firstAdministrator } from '../people/users.js'
import type { Db } from '../store/store.js'
import { latestReadings } from '../telemetry/readings.js'
import { offsetOf } from '../telemetry/windows.js'
import { reachable } from './connection.js'
import { demoRules, Witness } from './demo-alerts.js'
import { household, makeDevice } from './demo-household.js'
import { pastBegin, writePast, writePresence } from './demo-past.js'

interface Demo {
  /** Settles when every device has its past and is connected; rejects when one cannot be. */
  readonly ready: Promise<void>
  /** Breaks off what is under way, which the next start goes on with, and disconnects the devices. */
  stop(): Promise<void>
}

type DemoDevice = (typeof household)[number]

const seed = 1
const intervalMs = 2000

/** Starts a household of simulated devices on the real wire. At the first time each is made, with a past of 30 days. */
export function startDemo(config: Pick<Config, 'host'>, hub: Hub): Demo {
  const stopping = new AbortController()
  const devices: Device[] = []
  const ready = live(config, hub, devices, stopping.signal)
  return {
    ready,
    stop: async () => {
      stopping.abort()
      await Promise.all(devices.map(device => device.stop()))
      await Promise.allSettled([ready])
    },
  }
}

async function live(config: Pick<Config, 'host'>, hub: Hub, devices: Device[], signal: AbortSignal): Promise<void> {
  const { db } = hub.store
  const host = reachable(config.host)
  const [url, http_url] = [`mqtt://${host}:${hub.ports.mqtt}`, `http://${host}:${hub.ports.http}`]
  const begun = performance.now()
  for (const one of household) await makeDevice(db, one)
  const known = await Promise.all(household.map(({ id }) => getDevice(db, id)))
  if (known.some(isNew)) say(`The demo's devices are given their last 30 days, which takes some seconds …`)
  const begin = async (one: DemoDevice, index: number) => {
    const own = deriveSeed(seed, index)
    const { model, written, api_key } = await patiently(async () => ({
      ...(await modelOf(hub, one, own, signal)),
      api_key: await freshKey(db, one.id),
    }))
    if (signal.aborted) return 0
    const device = new Device({ url, http_url, id: one.id, api_key, model, seed: own, interval_ms: intervalMs })
    devices.push(device)
    await device.start()
    return written
  }
  const samples = (await Promise.all(household.map(begin))).reduce((sum, written) => sum + written, 0)
  if (signal.aborted) return
  const seconds = ((performance.now() - begun) / 1000).toFixed(1)
  if (samples > 0) say(`${samples} readings of 30 days were stored in ${seconds} s.`)
  say(advice(http_url, await linkToken(db, await administratorFor(db))))
}

const maxAttempts = 5

/** A store that is lost comes back in seconds (store/thread.ts), and what was broken off is gone on with. */
async function patiently<Result>(run: () => Promise<Result>): Promise<Result> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await run()
    } catch (error) {
      const passes = error instanceof HubError && error.code === 'storage_unavailable'
      if (!passes || attempt === maxAttempts) throw error
    }
  }
}

/** One that has ever been connected has its past behind it, whole: it is connected last of all. */
const isNew = ({ hello }: { readonly hello: unknown }) => hello === null

/** A device's model as it is now: behind its past, which is written the first time, or where the hub last heard it. */
async function modelOf(hub: Hub, one: DemoDevice, own: number, signal: AbortSignal) {
  const { db } = hub.store
  const known = await getDevice(db, one.id)
  const device = { ...(await findDevice(db, one.id)), name: known.name }
  const utc_offset_ms = standardOffset(device.timezone)
  const create: (seed: number, utc_offset_ms: number) => Model = models[one.model]
  const model = inhabited(create(own, utc_offset_ms), one.model, own, utc_offset_ms)
  if (!isNew(known)) {
    model.resume(await wasOf(db, device))
    return { model, written: 0 }
  }
  const end = Date.now()
  const span = { begin: await pastBegin(db, device, end), end }
  const witness = new Witness(await demoRules(db, one.id), device.timezone, span.begin)
  const moments = witness.watch(past(model, { ...span, interval_ms: one.interval_ms }))
  const written = await writePast(hub.store, device, moments, signal)
  if (signal.aborted) return { model, written }
  await witness.tell(db, hub.alerts, device)
  await writePresence(db, device, span)
  return { model, written }
}

/** What the hub last knew of a device. */
async function wasOf(db: Db, device: { id: string; num: number; home_id: string }) {
  const [latest, { reported }] = await Promise.all([latestReadings(db, device.num), getState(db, device)])
  const readings = Object.entries(latest).map(([name, { value }]) => [name, value])
  const at = Math.max(0, ...Object.values(latest).map(({ ts }) => ts)) || Date.now()
  return { at, values: { ...Object.fromEntries(readings), ...reported } }
}

/** How far a zone is ahead of UTC without its summer time, which the sun does not keep and no counter could. */
function standardOffset(timezone: string): number {
  const year = new Date().getUTCFullYear()
  return Math.min(...[0, 6].map(month => offsetOf(timezone, Date.UTC(year, month))))
}

/** Keys are kept only as hashes, so each start gives the demo's devices new ones. */
async function freshKey(db: Db, id: string): Promise<string> {
  for (const key of await listKeys(db, id)) if (key.revoked_at === null) await revokeKey(db, id, key.id)
  return (await createKey(db, id, { name: 'demo' })).api_key
}

/** Whoever reads what the demo prints has its data directory, and so is its administrator already. */
async function administratorFor(db: Db): Promise<string> {
  const { id } = await firstAdministrator(db)
  await record(db, { actor: system, action: 'session.link', target: `user/${id}`, outcome: 'done' })
  return id
}

const say = (text: string) => process.stderr.write(`${text}\n`)

const advice = (http_url: string, token: string) => `
${household.length} simulated devices are connected. The home, live and signed in (the link is good once, for 15 minutes):
  ${http_url}/#sign-in=${token}
In another terminal, in this folder:
  npx hearth watch                                          all messages as they come
  npx hearth send demo-light set_power '{"power":"on"}'     and what became of it
  npx hearth send demo-microphone record '{"sound":"smoke_alarm"}' --wait 30   an alarm, heard by the hub
  npx hearth device create "My sensor"                      a device of your own
The API: ${http_url}/docs`
