import { recordHello } from '../devices/reports.js'
import { timezoneOf } from '../homes/homes.js'
import { hello } from '../messages.js'
import { mountedTopic } from '../topics.js'
import type { Receive } from './bridge.js'
import { parseMessage } from './parse.js'

/** What a device is and can do; answered with the time, for devices without a clock. */
export const receiveHello: Receive = async ({ store, publish }, { device, payload }) => {
  await recordHello(store.db, device, parseMessage(hello, payload))
  const timezone = await timezoneOf(store.db, device.home_id)
  await publish(mountedTopic(device.home_id, device.id, 'time'), JSON.stringify({ now: Date.now(), timezone }), {
    qos: 1,
  })
  return 'same'
}
