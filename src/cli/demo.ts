import type { Config } from '../../config/config.js'
import { type Fleet, simulate } from '../../simulators/fleet.js'
import type { ModelName } from '../../simulators/models.js'
import { createDevice } from '../devices/devices.js'
import { createKey, listKeys, revokeKey } from '../devices/keys.js'
import { defaultHomeId } from '../homes/homes.js'
import type { Hub } from '../hub.js'
import type { Db } from '../store/store.js'
import { reachable } from './connection.js'

interface DemoDevice {
  readonly id: string
  readonly name: string
  readonly model: ModelName
}

const household: readonly DemoDevice[] = [
  { id: 'demo-thermostat', name: 'Living room thermostat', model: 'thermostat' },
  { id: 'demo-light', name: 'Porch light', model: 'light' },
  { id: 'demo-lock', name: 'Front door', model: 'lock' },
  { id: 'demo-weather', name: 'Garden weather', model: 'weather' },
  { id: 'demo-meter', name: 'Power meter', model: 'power_meter' },
  { id: 'demo-microphone', name: 'Hall microphone', model: 'microphone' },
]

/** Starts a household of simulated devices on the real wire, made at the first time. @returns what stops them */
export async function startDemo(config: Config, { store, ports }: Hub): Promise<() => Promise<void>> {
  const url = `mqtt://${reachable(config.host)}:${ports.mqtt}`
  const http_url = `http://${reachable(config.host)}:${ports.http}`
  const fleets: Fleet[] = []
  for (const { id, name, model } of household) {
    const api_key = await freshKey(store.db, { id, name, type: model })
    fleets.push(await simulate({ url, http_url, credentials: [{ id, api_key }], model, interval_ms: 2000 }))
  }
  process.stderr.write(`${advice(ports)}\n`)
  return async () => {
    await Promise.all(fleets.map(fleet => fleet.stop()))
  }
}

/** Keys are kept only as hashes, so each start gives the demo's devices new ones. */
async function freshKey(db: Db, device: { id: string; name: string; type: string }): Promise<string> {
  const known = await db.selectFrom('devices').select('id').where('id', '=', device.id).executeTakeFirst()
  if (!known) await createDevice(db, { ...device, home_id: defaultHomeId })
  const keys = await listKeys(db, device.id)
  for (const key of keys) if (key.revoked_at === null) await revokeKey(db, device.id, key.id)
  return (await createKey(db, device.id, { name: 'demo' })).api_key
}

const advice = (ports: Hub['ports']) => `
${household.length} simulated devices are connected. In another terminal, in this folder:
  npx hearth watch                                          all messages as they come
  npx hearth send demo-light set_power '{"power":"on"}'     and what became of it
  npx hearth send demo-microphone record '{"sound":"smoke_alarm"}' --wait 30   an alarm, heard by the hub
  npx hearth device create "My sensor"                      a device of your own
  http://127.0.0.1:${ports.http}/                                  the home, live
  http://127.0.0.1:${ports.http}/docs                              the API`
