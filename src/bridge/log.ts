import { recordLogLine } from '../devices/reports.js'
import { log } from '../messages.js'
import type { Receive } from './bridge.js'
import { parseMessage } from './parse.js'

export const receiveLog: Receive = async ({ store }, message) => {
  await recordLogLine(store.db, message.device, parseMessage(log, message.payload), message)
  return 'same'
}
