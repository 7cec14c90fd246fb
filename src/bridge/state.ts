import { type DeviceState, desiredPayload, getState, mergeReported } from '../devices/state.js'
import { PayloadFault, parseObject } from '../json.js'
import { mountedTopic } from '../topics.js'
import type { BridgeContext, Receive } from './bridge.js'

/** Merges a partial or whole state. Subscribers get the merged whole, retained. */
export const receiveState: Receive = async (context, { device, payload, received_at }) => {
  const patch = parseObject(payload)
  const state = await mergeReported(context.store.db, device, patch, received_at)
  if (!state) throw new PayloadFault('the merged state would be larger than 64 KiB')
  if (Object.keys(state.desired).length > 0) await publishDesired(context, state)
  const forward = { payload: JSON.stringify(state.reported), retain: true }
  if (state.home_id === device.home_id) return forward
  // It has moved since the message set out: nothing may be left behind where it was.
  await context.publish(mountedTopic(state.home_id, device.id, 'state'), forward.payload, { retain: true })
  return 'nothing'
}

/** Publishes, retained, what is wished of a device and not so yet. */
export const publishDesired = (context: Pick<BridgeContext, 'publish'>, state: DeviceState): Promise<void> =>
  context.publish(mountedTopic(state.home_id, state.device_id, 'desired'), desiredPayload(state), {
    qos: 1,
    retain: true,
  })

/** The same after somebody changed the wish. */
export async function desiredChanged(
  context: Pick<BridgeContext, 'publish' | 'store'>,
  device: { id: string; home_id: string },
) {
  await publishDesired(context, await getState(context.store.db, device))
}
