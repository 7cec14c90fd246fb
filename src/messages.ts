import { z } from 'zod'
import { presenceReasons, presenceStatuses, severities } from './inbound.js'
import { isObject, type JsonObject } from './json.js'

/**
 * What devices and the hub say to each other: section 1 of the contract as schemas. The bridge validates with them, the API describes
 * itself with them. Fields that a schema does not know are ignored, and kept where the whole message is (`hello`, `heartbeat`).
 */

const time = z.int().min(0).describe('Milliseconds since 1970, UTC')
const object = z.record(z.string(), z.unknown())
/** Devices send null for what they cannot measure; it counts as not sent. */
const measured = (what: string) => z.number().nullish().describe(what)
const word = (length: number) => z.string().max(length)

const reading = z
  .union([z.number(), z.boolean(), z.string(), z.null(), object])
  .describe('Null is ignored; an object is flattened with `.`')
const named = z.record(z.string().min(1).max(128), reading)
const flat = 'flattened: at most 100 names of 1 to 128 characters without control characters, and no arrays'
const readings = named.refine(isFlat, flat)
const when = {
  ts: z
    .number()
    .nullish()
    .describe(
      'The device’s time, milliseconds since 1970, UTC. Without one, or beyond belief, the receive time stands',
    ),
  age: z.number().min(0).nullish().describe('Milliseconds before sending, for devices without a clock'),
  metadata: object.nullish(),
}
const point = z.union([
  z.object({ ...when, data: readings }),
  z
    .looseObject({ ...when, values: readings.describe('Read as `data`') })
    .refine(({ data }) => !isObject(data), 'data is there as well'),
  named
    .refine(({ data, values }) => !isObject(data) && !isObject(values), 'a point within a point')
    // A number `ts` among plain readings is their time.
    .refine(({ ts, ...rest }) => isFlat(ts === undefined || typeof ts === 'number' ? rest : { ts, ...rest }), flat),
])

/** What nesting comes to. Refined and not part of the schema's shape: JSON Schema would need recursion and could not count. */
function isFlat(nested: JsonObject): boolean {
  const names = new Set<string>()
  const visit = (source: JsonObject, prefix: string): boolean =>
    Object.entries(source).every(([name, value]) => {
      const whole = prefix + name
      const named = whole.length > 0 && whole.length <= 128 && ![...whole].some(char => char < ' ')
      if (!named || Array.isArray(value)) return false
      if (isObject(value)) return visit(value, `${whole}.`)
      if (value !== null) names.add(whole)
      return true
    })
  return visit(nested, '') && names.size <= 100
}

/** What `telemetry` may hold. Descriptive: what is stored is decided by the faster `src/telemetry/payload.ts`, which a test holds equal. */
export const telemetry = z.union([z.array(point).max(1000), point]).describe('Readings, one point or a batch')

export const hello = z
  .looseObject({
    firmware_version: word(128).nullish(),
    model: word(128).nullish(),
    metrics: z
      .record(
        word(128),
        z.looseObject({ unit: word(32).nullish(), kind: z.enum(['gauge', 'counter', 'state']).nullish() }),
      )
      .nullish()
      .describe('What it measures, by name, with units'),
    capabilities: z
      .union([z.array(word(128)), z.record(word(128), z.unknown())])
      .nullish()
      .describe('The commands it knows; as an object, with the JSON Schema of their parameters'),
  })
  .describe('What a device is, said after connecting')

export const heartbeat = z
  .looseObject({
    uptime: measured('Seconds since the device started'),
    rssi: measured('Signal strength in dBm'),
    battery: measured('Percent'),
    free_heap: measured('Bytes'),
    firmware_version: word(128).nullish(),
    next_in: z.number().min(0).nullish().describe('Milliseconds until the next one; the device sleeps until then'),
  })
  .describe('Alive, with vitals')

export const state = object.describe('Reported state, partial or whole; null removes a name. Outwards always whole')

export const event = z.unknown().describe('Something happened: any JSON. A number `ts` in an object is its time')

const maxAlertDataBytes = 16 * 1024
export const fitsAlert = (data: JsonObject) => Buffer.byteLength(JSON.stringify(data)) <= maxAlertDataBytes
/** What an alert holds beside its words. Each change of it is told with all of it, and retained. */
export const alertData = object.refine(fitsAlert, `larger than ${maxAlertDataBytes} bytes`)

export const alert = z
  .object({
    severity: z.enum(severities),
    message: z.string().min(1).max(1024),
    data: alertData.nullish(),
  })
  .describe(
    'Raises or updates the alert of this key, with `severity` (critical, major, minor, warning, info) and `message`, perhaps `data` of 16 KiB at most. An empty payload clears it. Read under `/alerts`, and every message under `/devices/{id}/events`',
  )

export const log = z
  .object({ level: z.enum(['debug', 'info', 'warn', 'error']).default('info'), message: z.string().max(8192) })
  .describe('A line of the device’s own log')

const commandError = z.object({ code: z.string().min(1).max(64), message: z.string().max(1024) })

export const commandResult = z
  .object({
    id: z.string().min(1).max(64),
    status: z.enum(['accepted', 'running', 'succeeded', 'failed', 'rejected', 'cancelled']),
    progress: z.number().min(0).max(100).optional(),
    result: z.unknown().optional(),
    error: commandError.optional(),
    state: object.optional().describe('Reported state after the command, merged as if it had come on `state`'),
  })
  .describe('What became of a command')
export type CommandResult = z.infer<typeof commandResult>

export const command = z
  .object({
    id: z.string(),
    name: z.string(),
    params: object,
    issued_at: time,
    expires_at: time.describe('After this moment (milliseconds since 1970, UTC) it must not be run'),
    attempt: z.int().min(1).describe('More than 1 when it was sent before'),
  })
  .describe('A command to run')

export const commandCancel = z
  .object({ id: z.string() })
  .describe('A command that shall not be run any more, or be stopped; answered on commands/result')

export const desired = z
  .union([z.object({ version: z.int().min(0), desired: object }), z.strictObject({})])
  .describe('What is desired and not reported so yet, `{"version":…,"desired":{…}}`; `{}` when nothing is open')

export const hubTime = z.object({ now: time, timezone: z.string() }).describe('The answer to `hello`')

export const refusal = z
  .object({
    topic: z.string().describe('Below the device’s own prefix'),
    error: z.enum(['invalid_payload', 'unknown_topic']),
    message: z.string(),
    quarantine_id: z.string(),
  })
  .describe('Why a message of the device was refused, and the `quarantine_id` under which it is kept')

export const presence = z
  .object({
    status: z.enum(presenceStatuses),
    since: time,
    reason: z.enum(presenceReasons).nullable().describe('Why it is not online'),
    last_seen_at: time,
  })
  .describe('Whether a device is there, as the hub sees it')

export const recordings = z
  .object({ recording: z.looseObject({ id: z.string(), status: z.enum(['queued', 'done', 'failed']) }) })
  .describe('What became of a recording that the device has uploaded, with what was heard in it')

export const provisionRequest = z
  .object({ name: word(128).optional(), type: word(128).optional() })
  .describe('What a device with a claim code says to get a key of its own')
export const provisionResponse = z
  .union([
    z.object({ device_id: z.string(), home_id: z.string(), api_key: z.string() }),
    z.object({ error: z.string(), message: z.string() }),
  ])
  .describe('The key, told to this device alone and once; or why there is none')
