import { insertEvent, isRepeated } from '../devices/reports.js'
import { HubError } from '../errors.js'
import { PayloadFault } from '../json.js'
import { alert } from '../messages.js'
import type { Store } from '../store/store.js'
import type { BridgeContext, Receive } from './bridge.js'
import { parseMessage } from './parse.js'

/** An alert raised or, by an empty payload, cleared; and kept among the device's events under the kind `alert/{key}`, both in one commit. */
export const receiveAlert: Receive = async (context, message) => {
  const { device, rest, received_at, payload } = message
  const data = payload.length === 0 ? null : parseMessage(alert, payload)
  const event = { kind: rest, ts: received_at, data }
  if (await isRepeated(context.store.db, device, event, message)) return 'same'
  const also = (tx: Store['db']) => insertEvent(tx, device, event, message)
  const { id: device_id, home_id } = device
  const what = { home_id, device_id, key: rest.slice('alert/'.length), at: received_at, actor: `device/${device_id}` }
  if (data === null) await context.alerts.clear(what, also)
  else await raise(context, { ...what, ...data, data: data.data ?? null, source: 'device' }, also)
  context.rules.event(device.num, event, received_at)
  return 'same'
}

async function raise({ alerts }: BridgeContext, ...given: Parameters<BridgeContext['alerts']['raise']>): Promise<void> {
  try {
    await alerts.raise(...given)
  } catch (error) {
    if (error instanceof HubError && error.code === 'conflict') throw new PayloadFault(error.message)
    throw error
  }
}
