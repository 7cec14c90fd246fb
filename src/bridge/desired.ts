import { type DeviceState, desiredPayload, getState, recordSeenWishes } from '../devices/state.js'
import { isObject, type JsonObject } from '../json.js'
import { mountedTopic } from '../topics.js'
import { openDifference } from '../twin.js'
import type { BridgeContext } from './bridge.js'

/** What was told last of each device that has an open difference. */
export type ToldWishes = Map<string, Told>

interface Told {
  /** The difference, with what the device had reported where it is open. */
  readonly mark: string
  readonly version: number
  /** How often this version was told since a time, in milliseconds since 1970. */
  readonly times: number
  readonly since: number
}

/** One wish is told at most so often in such a time, in milliseconds: a device may answer each with another value, for ever. */
const mostTimes = 10
const withinMs = 60_000

type Context = Pick<BridgeContext, 'publish' | 'told_wishes'>

const receiptOf = (version: number) => `desired/${version}`

/** A device has acknowledged a message that was sent with a receipt: a command, or its wishes up to a version. */
export async function receiptCame(
  { store, commands }: Pick<BridgeContext, 'store' | 'commands'>,
  device_id: string,
  receipt: string,
): Promise<void> {
  const [kind, version] = receipt.split('/')
  if (kind === 'desired') await recordSeenWishes(store.db, device_id, Number(version))
  else await commands.delivered(receipt)
}

/** Publishes, retained, what is wished of a device and not so yet. */
export async function publishDesired({ publish, told_wishes }: Context, state: DeviceState): Promise<void> {
  const payload = desiredPayload(state)
  if (payload === '{}') told_wishes.delete(state.device_id)
  else told_wishes.set(state.device_id, toldNow(state, told_wishes.get(state.device_id)))
  const topic = mountedTopic(state.home_id, state.device_id, 'desired')
  await publish(topic, payload, { qos: 1, retain: true, receipt: receiptOf(state.desired_version) })
}

/** The same after somebody changed the wish. */
export async function desiredChanged(
  context: Context & Pick<BridgeContext, 'store'>,
  device: { id: string; home_id: string },
): Promise<void> {
  await publishDesired(context, await getState(context.store.db, device))
}

/**
 * The same after a report, if the difference is another one by now, or the device has moved away from a wish again. A device that answers
 * each wish with the same value, because it can do no better, is told once; one that answers with ever other values, ten times a minute.
 */
export async function desiredAfterReport(context: Context, state: DeviceState): Promise<void> {
  const told = context.told_wishes.get(state.device_id)
  const isMet = desiredPayload(state) === '{}'
  if (!isMet && told?.version === state.desired_version && told.times >= mostTimes && isLately(told)) return
  if (told?.mark !== markOf(state) && (told !== undefined || !isMet)) await publishDesired(context, state)
}

function toldNow(state: DeviceState, last: Told | undefined): Told {
  const again = last?.version === state.desired_version && isLately(last)
  const { times, since } = again ? last : { times: 0, since: Date.now() }
  return { mark: markOf(state), version: state.desired_version, times: times + 1, since }
}

const isLately = ({ since }: Told) => Date.now() - since < withinMs

function markOf(state: DeviceState): string {
  const open = openDifference(state.desired, state.reported)
  return JSON.stringify([state.desired_version, open, valuesAt(open, state.reported)])
}

/** What is reported where the difference is open. */
function valuesAt(open: JsonObject, reported: unknown): unknown {
  const values = isObject(reported) ? reported : {}
  return Object.keys(open).map(name => {
    const [wish, value] = [open[name], values[name]]
    return isObject(wish) && isObject(value) ? valuesAt(wish, value) : value
  })
}
