import { type Presence, presencePayload, recordPresence } from '../devices/presence.js'
import type { DeviceConnection, Reason } from '../inbound.js'
import { mountedTopic } from '../topics.js'
import type { BridgeContext } from './bridge.js'

type Context = Pick<BridgeContext, 'store' | 'publish' | 'log'>

/** Presence is what the hub's own count of sockets says (D6): kept, then told, retained. */
export const deviceConnected = (context: Context, { device, session, connected_at }: DeviceConnection): Promise<void> =>
  changed(context, {
    device_id: device.id,
    status: 'online',
    reason: null,
    at: connected_at,
    session,
  })

export const deviceDisconnected = (
  context: Context,
  { device, session }: DeviceConnection,
  reason: Reason,
): Promise<void> =>
  changed(context, {
    device_id: device.id,
    status: 'offline',
    reason,
    at: Date.now(),
    session,
  })

async function changed(context: Context, change: Parameters<typeof recordPresence>[1]): Promise<void> {
  try {
    await publishPresence(context, await recordPresence(context.store.db, change))
  } catch (err) {
    // The socket has come or gone whether or not this can be kept; the reconciling job brings the rows back to the truth.
    context.log.error({ err, device_id: change.device_id, status: change.status }, 'presence could not be recorded')
  }
}

export const publishPresence = (context: Pick<BridgeContext, 'publish'>, presence: Presence): Promise<void> =>
  context.publish(mountedTopic(presence.home_id, presence.device_id, 'presence'), presencePayload(presence), {
    qos: 1,
    retain: true,
  })
