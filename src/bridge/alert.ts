import { recordEvent } from '../devices/reports.js'
import { alert } from '../messages.js'
import type { Receive } from './bridge.js'
import { parseMessage } from './parse.js'

/** An alert raised or, by an empty payload, cleared. Kept among the device's events under the kind `alert/{key}`. */
export const receiveAlert: Receive = async ({ store }, message) => {
  const data = message.payload.length === 0 ? null : parseMessage(alert, message.payload)
  await recordEvent(store.db, message.device, { kind: message.rest, ts: message.received_at, data }, message)
  return 'same'
}
