import type { DeviceState } from '../devices/state.js'
import { mountedTopic, restored } from '../topics.js'
import type { BridgeContext } from './bridge.js'
import { publishDesired } from './desired.js'
import { publishPresence } from './presence.js'

type Context = Pick<BridgeContext, 'store' | 'publish' | 'log' | 'told_wishes' | 'rules'>

/** What is retained comes from rows: at a start every device's presence, state and open difference are published again. */
export async function restoreRetained(context: Context): Promise<void> {
  const { db } = context.store
  const [presences, states] = await Promise.all([
    db.selectFrom('presence').selectAll().execute(),
    db.selectFrom('device_state').selectAll().execute(),
  ])
  for (const presence of presences) await publishPresence(context, presence)
  for (const state of states) await retainState(context, state)
}

/** The same for one device, at the place where it is now. */
export async function retainAgain(context: Context, device_id: string): Promise<void> {
  const { db } = context.store
  const [presence, state] = await Promise.all([
    db.selectFrom('presence').selectAll().where('device_id', '=', device_id).executeTakeFirst(),
    db.selectFrom('device_state').selectAll().where('device_id', '=', device_id).executeTakeFirst(),
  ])
  if (presence) await publishPresence(context, presence)
  if (state) await retainState(context, state)
}

async function retainState(context: Context, state: DeviceState): Promise<void> {
  const topic = mountedTopic(state.home_id, state.device_id, 'state')
  if (state.reported_at !== null) await context.publish(topic, JSON.stringify(state.reported), { retain: true })
  if (state.desired_at !== null) await publishDesired(context, state)
}

/**
 * Takes away what is retained below a device's prefix, whoever had it retained: an empty retained message removes one [MQTT-3.3.1-10].
 * @param context `retainedBelow` tells the topics below a prefix that something is retained on
 */
export async function forgetRetained(
  context: Pick<Context, 'publish' | 'told_wishes'> & { retainedBelow(prefix: string): string[] },
  { id, home_id }: { id: string; home_id: string },
): Promise<void> {
  context.told_wishes.delete(id)
  const known = restored.map(rest => mountedTopic(home_id, id, rest))
  for (const topic of new Set([...known, ...context.retainedBelow(mountedTopic(home_id, id, ''))]))
    await context.publish(topic, '', { retain: true })
}
