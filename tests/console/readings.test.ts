import { expect, test } from 'vitest'
import { isBelievable, newest, readingsOf } from '../../src/console/state/readings.js'
import { parseTelemetry } from '../../src/telemetry/payload.js'

const now = Date.UTC(2026, 5, 1)

/** When the hub says that a payload was measured, and when the page does. */
const both = (payload: string) => [
  parseTelemetry(Buffer.from(payload), now).map(({ ts }) => ts ?? now),
  readingsOf(payload, now).map(({ reading }) => reading.ts),
]

test('the page goes by the same times as the hub, also where a device says what cannot be', () => {
  for (const when of [
    '"ts":1767225600000',
    '"ts":1e300',
    '"ts":-1e300',
    '"ts":1e300,"age":5',
    '"age":60000',
    '"age":1e300',
    '"age":1e15',
    '"age":null',
    '"ts":null,"age":60000',
  ]) {
    const [hub, page] = both(`{${when},"data":{"level":1}}`)
    expect([when, page]).toEqual([when, hub])
  }
})

test('a time that cannot be shown is no time', () => {
  expect([1e300, -1e300, now + 86_400_000, 0, '2026', null].map(ts => isBelievable(ts, now))).toEqual(
    Array.from({ length: 6 }, () => false),
  )
  expect(isBelievable(now, now)).toBe(true)
})

test('fields may have the names of what every object has', () => {
  const readings = readingsOf('{"constructor":1,"toString":2,"valueOf":{"valueOf":3}}', now)
  expect(Object.keys(newest({}, readings))).toEqual(['constructor', 'toString', 'valueOf.valueOf'])
})
