import { recordEvent } from '../devices/reports.js'
import { isObject, parseJson } from '../json.js'
import type { Receive } from './bridge.js'

/** Something happened. Its own `ts` counts when it is believable. */
export const receiveEvent: Receive = async ({ store, rules }, message) => {
  const data = parseJson(message.payload)
  const ts = isObject(data) && typeof data.ts === 'number' ? data.ts : message.received_at
  const believable = ts >= Date.UTC(2020, 0, 1) && ts <= message.received_at + 5 * 60_000
  const event = { kind: 'event', ts: believable ? Math.trunc(ts) : message.received_at, data }
  const isNew = await recordEvent(store.db, message.device, event, message)
  if (isNew) rules.event(message.device.num, event, message.received_at)
  return 'same'
}
