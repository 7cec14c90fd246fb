import type { Logger } from 'pino'
import type { Alerts } from '../alerts/alerts.js'
import type { Commands } from '../commands/commands.js'
import type { DeviceMessage, Done, Forward } from '../inbound.js'
import { PayloadFault } from '../json.js'
import { quarantine } from '../quarantine/quarantine.js'
import type { Rules } from '../rules/evaluation.js'
import type { Store } from '../store/store.js'
import { type Inbound, mountedTopic } from '../topics.js'
import { receiveAlert } from './alert.js'
import { receiveCommandResult } from './command-result.js'
import type { ToldWishes } from './desired.js'
import { receiveEvent } from './event.js'
import { receiveHeartbeat } from './heartbeat.js'
import { receiveHello } from './hello.js'
import { receiveLog } from './log.js'
import { receiveState } from './state.js'
import { receiveTelemetry } from './telemetry.js'

export interface BridgeContext {
  readonly store: Store
  readonly alerts: Alerts
  readonly rules: Pick<Rules, 'heard' | 'state' | 'event' | 'presence'>
  readonly commands: Commands
  readonly log: Logger
  readonly told_wishes: ToldWishes
  publish(topic: string, payload: string, options?: { qos?: 0 | 1; retain?: boolean; receipt?: string }): Promise<void>
}

/** Commits what the message says and tells what subscribers get. Throws PayloadFault when it cannot be understood. */
export type Receive = (context: BridgeContext, message: DeviceMessage) => Promise<Forward>

/** One row for each kind of message. Telemetry, which comes a hundred times as often, has a way of its own without promises. */
const handlers: Readonly<Record<Exclude<Inbound, 'telemetry'>, Receive>> = {
  heartbeat: receiveHeartbeat,
  state: receiveState,
  event: receiveEvent,
  alert: receiveAlert,
  log: receiveLog,
  hello: receiveHello,
  'commands/result': receiveCommandResult,
}

/** What became of a message. */
interface Outcome {
  readonly forward: Forward
  /** Null when it was stored; else why it was quarantined, and under which id. */
  readonly quarantined: { readonly id: string; readonly message: string } | null
}

export interface Bridge {
  /** Takes a device's message from the broker: `done` is called once it is committed, or with why it cannot be (D1, D3). */
  receive(message: DeviceMessage, done: Done): void
  /** The same for a message that came over HTTP, and forwards it. */
  ingest(message: DeviceMessage): Promise<Outcome>
  /** When each device was last heard since this was last called: device id → milliseconds since 1970. */
  takeSeen(): ReadonlyMap<string, number>
}

type Settle = (error: Error | null, outcome?: Outcome) => void

const stored: Outcome = { forward: 'same', quarantined: null }

export function createBridge(context: BridgeContext): Bridge {
  let seen = new Map<string, number>()

  const accept = (message: DeviceMessage, settled: Settle) => {
    const { device, received_at } = message
    seen.set(device.id, received_at)
    const settle: Settle = (error, outcome) => {
      if (!error) context.rules.heard(device.num, received_at)
      settled(error, outcome)
    }
    if (message.kind === 'telemetry') {
      receiveTelemetry(context.store, message, (error, refused) => {
        if (error) settle(error)
        else if (refused === null) settle(null, stored)
        else setAside(context, message, 'invalid_payload', refused).then(outcome => settle(null, outcome), settle)
      })
      return
    }
    acceptRare(context, message).then(outcome => settle(null, outcome), settle)
  }

  return {
    receive: (message, done) => accept(message, (error, outcome) => done(error, outcome?.forward)),
    ingest: async message => {
      const outcome = await new Promise<Outcome>((resolve, reject) =>
        accept(message, (error, settled) => (settled ? resolve(settled) : reject(error ?? new Error('no outcome')))),
      )
      await forward(context, message, outcome.forward)
      return outcome
    },
    takeSeen: () => {
      const taken = seen
      seen = new Map()
      return taken
    },
  }
}

async function acceptRare(context: BridgeContext, message: DeviceMessage): Promise<Outcome> {
  const { kind } = message
  if (kind === null || kind === 'telemetry')
    return setAside(context, message, 'unknown_topic', 'a device has no such topic to publish on')
  try {
    return { forward: await handlers[kind](context, message), quarantined: null }
  } catch (error) {
    if (error instanceof PayloadFault) return setAside(context, message, 'invalid_payload', error.message)
    throw error
  }
}

/**
 * Keeps a message that cannot be understood, and tells the device (D3). The device may forget it: it is in our hands now. One that was kept
 * before stays as it is.
 */
async function setAside(context: BridgeContext, message: DeviceMessage, reason: string, why: string): Promise<Outcome> {
  const { device, rest: topic, payload, received_at, quarantine_id } = message
  if (quarantine_id) return { forward: 'nothing', quarantined: { id: quarantine_id, message: why } }
  const { id: device_id, home_id } = device
  const id = await quarantine(context.store.db, {
    device_id,
    home_id,
    topic,
    payload,
    reason,
    message: why,
    received_at,
  })
  const told = JSON.stringify({ topic, error: reason, message: why, quarantine_id: id })
  await context.publish(mountedTopic(home_id, device_id, 'errors'), told, { qos: 1 })
  return { forward: 'nothing', quarantined: { id, message: why } }
}

async function forward(context: BridgeContext, { device, rest, payload }: DeviceMessage, what: Forward): Promise<void> {
  if (what === 'nothing') return
  const topic = mountedTopic(device.home_id, device.id, rest)
  if (what === 'same') await context.publish(topic, payload.toString('utf8'), { qos: 1 })
  else await context.publish(topic, what.payload, { qos: 1, retain: what.retain })
}
