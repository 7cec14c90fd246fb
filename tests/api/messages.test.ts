import { describe, expect, test } from 'vitest'
import { PayloadFault } from '../../src/json.js'
import * as messages from '../../src/messages.js'
import { parseTelemetry } from '../../src/telemetry/payload.js'

const accepted = (value: unknown) => {
  try {
    parseTelemetry(Buffer.from(JSON.stringify(value)), Date.now())
    return true
  } catch (error) {
    if (error instanceof PayloadFault) return false
    throw error
  }
}

describe('the schema of telemetry and the parser that stores it agree', () => {
  test.each([
    [{ temperature: 21.5, humidity: 40 }],
    [{ ts: 1767225600000, data: { temperature: 21.5 }, metadata: { battery_level: 85 } }],
    [{ ts: 1767225600000, values: { temperature: 21.5 } }],
    [
      [
        { ts: 1767225600000, data: { t: 21.4 } },
        { age: 60000, data: { t: 21.5 } },
      ],
    ],
    [{ a: { b: { c: true } }, d: null, e: 'text' }],
    [{ ts: 1767225600000, temperature: 1 }],
    [{}],
    [[]],
    [[[1]]],
    ['text'],
    [5],
    [null],
    [true],
    [{ a: [1] }],
    [[{ a: 1 }, 5]],
    [Array.from({ length: 1001 }, (_, ts) => ({ ts, data: { a: 1 } }))],
    [{ '': 1 }],
    [{ ['x'.repeat(129)]: 1 }],
  ])('%j', value => expect(messages.telemetry.safeParse(value).success).toBe(accepted(value)))
})

describe('the contract’s examples', () => {
  test.each([
    [
      'heartbeat',
      messages.heartbeat,
      { uptime: 86400, rssi: -61, battery: 87, free_heap: 142000, firmware_version: '1.4.2', next_in: 600000 },
    ],
    ['state', messages.state, { power: 'on', brightness: 128 }],
    ['desired', messages.desired, { version: 31, desired: { brightness: 200 } }],
    ['desired', messages.desired, {}],
    [
      'command',
      messages.command,
      { id: '01jga7', name: 'set_power', params: { power: 'on' }, issued_at: 1, expires_at: 2, attempt: 1 },
    ],
    [
      'commandResult',
      messages.commandResult,
      { id: '01jga7', status: 'succeeded', result: { power: 'on' }, state: { power: 'on' } },
    ],
    [
      'commandResult',
      messages.commandResult,
      { id: '01jga7', status: 'failed', error: { code: 'jam', message: 'motor stalled' } },
    ],
    ['alert', messages.alert, { severity: 'critical', message: 'Water detected', data: { level: 3 } }],
    ['refusal', messages.refusal, { topic: 'telemetry', error: 'invalid_payload', message: '…', quarantine_id: 'x' }],
    ['hubTime', messages.hubTime, { now: 1, timezone: 'Europe/Paris' }],
    ['presence', messages.presence, { status: 'online', since: 1, reason: null, last_seen_at: 1 }],
  ])('%s', (_, schema, value) => expect(schema.parse(value)).toEqual(value))

  test('vitals that are not known are kept, a log line has a level', () => {
    expect(messages.heartbeat.parse({ fan: 3, rssi: null })).toEqual({ fan: 3, rssi: null })
    expect(messages.log.parse({ message: 'x' })).toEqual({ level: 'info', message: 'x' })
    expect(messages.log.safeParse({ message: 'x'.repeat(8193) }).success).toBe(false)
  })
})
