import type { ModelName } from '../../simulators/models.js'
import { createDevice } from '../devices/devices.js'
import { defaultHomeId } from '../homes/homes.js'
import { createRoom, listRooms } from '../homes/rooms.js'
import { commandLine } from '../people/access-tokens.js'
import { createRule, type NewRule } from '../rules/rules.js'
import { inTransaction } from '../store/in-transaction.js'
import type { Db } from '../store/store.js'

type DemoRule = Pick<NewRule, 'name' | 'severity' | 'message' | 'key' | 'condition' | 'active_hours'>

interface DemoDevice {
  readonly id: string
  readonly name: string
  readonly model: ModelName
  readonly room: string
  /** Between the readings of its past, in milliseconds. */
  readonly interval_ms: number
  readonly rule?: DemoRule
}

const minute = 60_000

const tooWarm: DemoRule = {
  name: 'Living room too warm',
  key: 'too-warm',
  severity: 'warning',
  message: 'The living room has been above 24 °C for a quarter of an hour: {value} °C',
  condition: { type: 'threshold', field: 'temperature', above: 24, clear_at: 23, for_seconds: 900 },
  active_hours: null,
}

const unlockedAtNight: DemoRule = {
  name: 'Front door not locked at night',
  key: 'unlocked-at-night',
  severity: 'major',
  message: 'The front door is not locked',
  condition: { type: 'state', path: 'lock', equals: 'unlocked', for_seconds: 600 },
  active_hours: { days: ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'], from: '23:00', to: '05:30' },
}

export const household: readonly DemoDevice[] = [
  {
    id: 'demo-thermostat',
    name: 'Living room thermostat',
    model: 'thermostat',
    room: 'Living room',
    interval_ms: minute,
    rule: tooWarm,
  },
  { id: 'demo-light', name: 'Porch light', model: 'light', room: 'Porch', interval_ms: 5 * minute },
  {
    id: 'demo-lock',
    name: 'Front door',
    model: 'lock',
    room: 'Hall',
    interval_ms: 5 * minute,
    rule: unlockedAtNight,
  },
  { id: 'demo-weather', name: 'Garden weather', model: 'weather', room: 'Garden', interval_ms: 5 * minute },
  { id: 'demo-meter', name: 'Power meter', model: 'power_meter', room: 'Cellar', interval_ms: minute },
  { id: 'demo-microphone', name: 'Hall microphone', model: 'microphone', room: 'Hall', interval_ms: 5 * minute },
]

/** Makes a device of the demo with its room and its rule where it is not there yet; what people have made of them later stays. */
export async function makeDevice(db: Db, { id, name, model, room, rule }: DemoDevice): Promise<void> {
  const there = await db.selectFrom('devices').select('id').where('id', '=', id).executeTakeFirst()
  if (there) return
  const home_id = defaultHomeId
  await inTransaction(db, async tx => {
    const known = (await listRooms(tx, home_id)).find(one => one.name === room)
    const { id: room_id } = known ?? (await createRoom(tx, home_id, room))
    await createDevice(tx, { id, name, type: model, home_id, room_id })
    if (rule) await createRule(tx, { ...rule, ...ruleDefaults, home_id, device_id: id })
  })
}

const ruleDefaults = {
  group_id: null,
  type: null,
  enabled: true,
  clear_after_seconds: 0,
  auto_clear: true,
  created_by: commandLine,
} as const
