import { sql } from 'kysely'
import { type FieldRetentions, longestOf, type Retention, retentionOf } from '../../config/retention.js'
import type { Db } from '../store/store.js'

/** A field of a device. */
export interface FieldOf {
  readonly device_num: number
  readonly name: string
}

/** Devices whose telemetry is kept equally long. */
export interface Rule {
  readonly devices: readonly number[]
  /** By the device as a whole: the longest of any of its fields. */
  readonly kept: Retention
  /** Of fields that nobody names. */
  readonly others: Retention
  /** Of those that somebody names. */
  readonly named: ReadonlyMap<string, Retention>
  /** The fields whose samples go before those of others. */
  readonly shorter: readonly FieldOf[]
}

interface Texts {
  readonly of_device: string | null
  readonly of_home: string | null
  readonly fields_of_device: string | null
  readonly fields_of_home: string | null
  readonly devices: string
}

/** How long a field is kept. */
export const keptOf = ({ named, others }: Pick<Rule, 'named' | 'others'>, name: string) => named.get(name) ?? others

/**
 * How long the telemetry of each device is kept: as its retention says, else that of its home, else that of the hub; and over these what device and
 * home say of a field.
 * @param retention the hub's
 */
export async function rulesOf(db: Db, retention: string): Promise<Rule[]> {
  const { rows } = await sql<Texts>`select devices.retention as of_device, homes.retention as of_home,
      devices.retention_fields as fields_of_device, homes.retention_fields as fields_of_home, json_group_array(num) as devices
    from devices join homes on homes.id = devices.home_id group by 1, 2, 3, 4`.execute(db)
  const rules: Rule[] = []
  for (const { of_device, of_home, fields_of_device, fields_of_home, devices } of rows) {
    const texts = [retention, of_home, of_device]
    const named = namedIn(texts, fieldsOf(fields_of_home), fieldsOf(fields_of_device))
    const others = retentionOf(...texts)
    const nums = JSON.parse(devices) as number[]
    if (named.size === 0) rules.push({ devices: nums, kept: others, others, named, shorter: [] })
    else rules.push(...(await rulesByFields(db, nums, { named, others })))
  }
  return rules
}

const fieldsOf = (text: string | null) => JSON.parse(text ?? '{}') as FieldRetentions

function namedIn(texts: readonly (string | null)[], ofHome: FieldRetentions, ofDevice: FieldRetentions) {
  const own = (fields: FieldRetentions, name: string) => (Object.hasOwn(fields, name) ? fields[name] : null)
  const names = new Set([...Object.keys(ofHome), ...Object.keys(ofDevice)])
  return new Map([...names].map(name => [name, retentionOf(...texts, own(ofHome, name), own(ofDevice, name))] as const))
}

/** Which fields a device has decides how long the whole of it is kept. */
async function rulesByFields(
  db: Db,
  devices: readonly number[],
  texts: Pick<Rule, 'named' | 'others'>,
): Promise<Rule[]> {
  const { rows } = await sql<{ device_num: number; fields: string }>`select device_num, json_group_array(name) as fields
    from json_each(${JSON.stringify(devices)}) as device cross join telemetry_fields on device_num = device.value
    group by device_num`.execute(db)
  const rules = new Map<string, Rule & { devices: number[]; shorter: FieldOf[] }>()
  for (const { device_num, fields } of rows) {
    const names = JSON.parse(fields) as string[]
    const kept = longestOf(names.map(name => keptOf(texts, name)))
    const key = Object.values(kept).join()
    const rule = rules.get(key) ?? { ...texts, kept, devices: [], shorter: [] }
    rules.set(key, rule)
    rule.devices.push(device_num)
    for (const name of names) if (keptOf(texts, name).raw < kept.raw) rule.shorter.push({ device_num, name })
  }
  return [...rules.values()]
}
