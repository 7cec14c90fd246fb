import { recordHeartbeat } from '../devices/reports.js'
import { recordSleep } from '../devices/sleep.js'
import { heartbeat } from '../messages.js'
import type { Receive } from './bridge.js'
import { parseMessage } from './parse.js'
import { publishPresence } from './presence.js'

/** A heartbeat may say that the device sleeps from now on, which is known before it is acknowledged. */
export const receiveHeartbeat: Receive = async (context, { device, payload, received_at }) => {
  const { db } = context.store
  const vitals = parseMessage(heartbeat, payload)
  const [presence] = await Promise.all([
    recordSleep(db, { device_id: device.id, received_at, next_in: vitals.next_in }),
    recordHeartbeat(db, device, vitals, received_at),
  ])
  if (presence) await publishPresence(context, presence)
  return 'same'
}
