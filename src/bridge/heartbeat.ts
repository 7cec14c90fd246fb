import { recordHeartbeat } from '../devices/reports.js'
import { heartbeat } from '../messages.js'
import type { Receive } from './bridge.js'
import { parseMessage } from './parse.js'

export const receiveHeartbeat: Receive = async ({ store }, { device, payload, received_at }) => {
  await recordHeartbeat(store.db, device, parseMessage(heartbeat, payload), received_at)
  return 'same'
}
