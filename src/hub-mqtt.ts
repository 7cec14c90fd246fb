import type { Logger } from 'pino'
import { createBroker } from '../broker/broker.js'
import { type Broker, type BrokerRefusal, Refusal } from '../broker/contract.js'
import { Sessions } from '../broker/sessions.js'
import type { Config } from '../config/config.js'
import { Alerts } from './alerts/alerts.js'
import type { AuditHead } from './audit/head.js'
import type { Refusals } from './audit/refusals.js'
import { authenticate, deviceAt } from './bridge/authenticate.js'
import { type Bridge, createBridge } from './bridge/bridge.js'
import { receiptCame, type ToldWishes } from './bridge/desired.js'
import { Presences } from './bridge/presence.js'
import { provision } from './bridge/provision.js'
import { Commands } from './commands/commands.js'
import type { KeyRing } from './devices/key-ring.js'
import { resetPresence } from './devices/presence.js'
import { HubError } from './errors.js'
import type { Seal } from './notifications/seal.js'
import type { Directory } from './people/directory.js'
import type { SigningKeys } from './people/signing-keys.js'
import { Rules } from './rules/evaluation.js'
import type { Store } from './store/store.js'
import type { Uses } from './uses.js'

/** What everything else stands on. */
export interface Ground {
  readonly config: Config
  readonly log: Logger
  readonly store: Store
  readonly signing_keys: SigningKeys
  readonly seal: Seal
  readonly directory: Directory
  readonly key_ring: KeyRing
  readonly refusals: Refusals
  readonly audit_head: AuditHead
  readonly key_uses: Uses
  readonly token_uses: Uses
}

/** The MQTT side: what takes messages in, and what sends them out. */
export interface Mqtt extends Ground {
  readonly broker: Broker
  readonly bridge: Bridge
  readonly alerts: Alerts
  readonly rules: Rules
  readonly commands: Commands
  readonly told_wishes: ToldWishes
  readonly presences: Presences
  readonly publish: Broker['publish']
  readonly retainedBelow: Broker['retainedBelow']
}

/** Broker, bridge and commands know each other only through what they are handed here. */
export async function openMqtt(ground: Ground): Promise<Mqtt> {
  const { config, log, store } = ground
  let broker: Broker | null = null
  const opened = () => {
    if (!broker) throw new Error('The broker is not open yet.')
    return broker
  }
  const publish: Broker['publish'] = (topic, payload, options) => opened().publish(topic, payload, options)
  const commands = new Commands(store, { publish, isReadyForCommands: id => opened().isReadyForCommands(id) }, log)
  const retainedBelow = (prefix: string) => opened().retainedBelow(prefix)
  const alerts = new Alerts(store, { publish, retainedBelow }, log)
  const rules = new Rules(store, alerts, log)
  const told_wishes: ToldWishes = new Map()
  const bridge = createBridge({ store, alerts, rules, commands, log, publish, told_wishes })
  const presences = new Presences({ store, log, publish, rules })
  const logged = (what: string) => (err: unknown) => log.error({ err }, what)
  const { last_session } = await resetPresence(store.db, Date.now())
  broker = await createBroker({
    config,
    log,
    sessions: new Sessions(store.db, log),
    first_session: last_session + 1,
    handlers: {
      authenticate: credentials => authenticate(ground, credentials).catch(asRefusal),
      receive: bridge.receive,
      deviceAt: (home_id, device_id) => deviceAt(ground.key_ring, home_id, device_id),
      provision: (claim, address, payload) => provision(ground, claim, address, payload),
      refused: refusal => noteRefusal(ground, refusal),
      connected: connection => void presences.connected(connection),
      disconnected: (connection, reason) => {
        commands.gone(connection.device.id, connection.session)
        void presences.disconnected(connection, reason)
      },
      readyForCommands: ({ device, session }) =>
        void commands.ready(device.id, session).catch(logged('commands could not be sent; they stay queued')),
      delivered: ({ device }, receipt) =>
        void receiptCame({ store, commands }, device.id, receipt).catch(logged('a delivery could not be recorded')),
    },
  })
  return { ...ground, broker, bridge, alerts, rules, commands, presences, told_wishes, publish, retainedBelow }
}

/** The return code of a CONNECT whose credential was not taken. */
function asRefusal(error: unknown): never {
  if (error instanceof HubError && error.code === 'unauthorized') throw new Refusal(4, 'bad_credentials')
  if (error instanceof HubError && error.code === 'forbidden') throw new Refusal(5, 'disabled_or_expired')
  throw error
}

function noteRefusal({ refusals }: Ground, { principal, address, action, target }: BrokerRefusal): void {
  const actor = { kind: principal?.kind ?? 'anonymous', id: principal?.id ?? null, address, request_id: null } as const
  refusals.note({ actor, action, target })
}
