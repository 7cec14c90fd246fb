import { mergeReported } from '../devices/state.js'
import { PayloadFault, parseObject } from '../json.js'
import { mountedTopic } from '../topics.js'
import type { Receive } from './bridge.js'
import { desiredAfterReport } from './desired.js'

/** Merges a partial or whole state. Subscribers get the merged whole, retained. */
export const receiveState: Receive = async (context, { device, payload, received_at, connected_at }) => {
  const patch = parseObject(payload)
  const state = await mergeReported(context.store.db, device, patch, { at: received_at, connected_at })
  if (!state) throw new PayloadFault('the merged state would be larger than 64 KiB')
  context.rules.state(device.num, state.reported, received_at)
  await desiredAfterReport(context, state)
  const forward = { payload: JSON.stringify(state.reported), retain: true }
  if (state.home_id === device.home_id) return forward
  // It has moved since the message set out: nothing may be left behind where it was.
  await context.publish(mountedTopic(state.home_id, device.id, 'state'), forward.payload, { retain: true })
  return 'nothing'
}
