import type { AddressInfo } from 'node:net'
import type { FastifyInstance } from 'fastify'
import type { Logger } from 'pino'
import { createBroker } from '../broker/broker.js'
import { type Broker, type BrokerRefusal, Refusal } from '../broker/contract.js'
import { openListeners } from '../broker/listeners.js'
import { Sessions } from '../broker/sessions.js'
import type { Config } from '../config/config.js'
import type { ApiContext } from './api/context.js'
import { createApi } from './api/server.js'
import { record, system } from './audit/audit.js'
import { AuditHead } from './audit/head.js'
import { Refusals } from './audit/refusals.js'
import { authenticate, deviceAt } from './bridge/authenticate.js'
import { type Bridge, createBridge } from './bridge/bridge.js'
import { desiredChanged, receiptCame, type ToldWishes } from './bridge/desired.js'
import { Presences } from './bridge/presence.js'
import { provision } from './bridge/provision.js'
import { forgetRetained, restoreRetained, retainAgain } from './bridge/retained.js'
import { Commands } from './commands/commands.js'
import { openData } from './data.js'
import { KeyRing } from './devices/key-ring.js'
import { resetPresence } from './devices/presence.js'
import { HubError } from './errors.js'
import { ensureDefaultHome } from './homes/homes.js'
import { writeHubFile } from './hub-file.js'
import { createJobs, type Jobs } from './jobs/jobs.js'
import { Traffic } from './operations/traffic.js'
import { Directory } from './people/directory.js'
import { openSigningKeys, type SigningKeys } from './people/signing-keys.js'
import { ensureAdministrator, forgetAdministrator } from './people/users.js'
import { may } from './rights.js'
import type { Store } from './store/store.js'
import { inboundKind } from './topics.js'
import { Uses } from './uses.js'

export interface Hub {
  readonly ports: { readonly http: number; readonly mqtt: number; readonly mqtts: number | null }
  /** The administrator that was made at this start, with a password to be shown once; null at every later start. */
  readonly administrator: { readonly email: string; readonly password: string } | null
  readonly store: Store
  /** Accepts nothing new, commits and acknowledges what is in flight, and closes everything in reverse. */
  close(): Promise<void>
}

/** What everything else stands on. */
interface Ground {
  readonly config: Config
  readonly log: Logger
  readonly store: Store
  readonly signing_keys: SigningKeys
  readonly directory: Directory
  readonly key_ring: KeyRing
  readonly refusals: Refusals
  readonly audit_head: AuditHead
  readonly key_uses: Uses
  readonly token_uses: Uses
}

/** The MQTT side: what takes messages in, and what sends them out. */
interface Mqtt extends Ground {
  readonly broker: Broker
  readonly bridge: Bridge
  readonly commands: Commands
  readonly told_wishes: ToldWishes
  readonly presences: Presences
  readonly publish: Broker['publish']
  readonly retainedBelow: Broker['retainedBelow']
}

/** What to do when the hub closes, in the reverse of the order in which it was opened. */
type Closing = (() => Promise<unknown>)[]

/**
 * The composition root: makes the parts, hands each what it uses, and listens last.
 * @param opening its data, where it is being opened already
 * @throws HubError or Error when a part cannot start; what was started before it is closed again
 */
export async function createHub(config: Config, log: Logger, opening = openData(config, log)): Promise<Hub> {
  const { store, close: closeData } = await opening
  const closing: Closing = [closeData]
  const close = async () => {
    for (const one of closing.splice(0).reverse()) await one()
  }
  try {
    return { ...(await open({ config, log, store }, closing)), close }
  } catch (error) {
    await close()
    throw error
  }
}

type Base = Pick<Ground, 'config' | 'log' | 'store'>

async function open({ config, log, store }: Base, closing: Closing): Promise<Omit<Hub, 'close'>> {
  // The HTTP server ends when its last WebSocket does, which the broker closes: begun before the broker, awaited after it.
  let apiClosed: Promise<unknown> = Promise.resolve()
  closing.push(() => apiClosed)
  await ensureDefaultHome(store.db)
  const mqtt = await openMqtt(await openGround({ config, log, store }, closing))
  closing.push(() => mqtt.broker.close())
  await restoreRetained(mqtt)
  const traffic = new Traffic(() => mqtt.broker.stats().messages_in)
  closing.push(async () => traffic.stop())
  const api = await createApi(apiContext(mqtt, traffic))
  closing.push(async () => {
    apiClosed = api.close()
  })
  const jobs = openJobs(mqtt)
  closing.push(() => jobs.stop())
  const { host, admin_email: email, admin_password: password } = config
  const given = email && password ? { email, password } : null
  const [administrator] = await Promise.all([ensureAdministrator(store.db, given), jobs.start()])
  const ports = await listen(mqtt, api, closing).catch(async error => {
    // A start that fails at its ports tells nobody the password.
    if (administrator) await forgetAdministrator(store.db, administrator.email)
    throw error
  })
  const { http: http_port, mqtt: mqtt_port, mqtts: mqtts_port } = ports
  closing.push(await writeHubFile(config.data_dir, { pid: process.pid, host, http_port, mqtt_port, mqtts_port }))
  return { ports, administrator, store }
}

async function openGround({ config, log, store }: Base, closing: Closing): Promise<Ground> {
  const { db } = store
  const failed = (err: unknown) => log.error({ err }, 'the audit could not be written')
  const signing_keys = await openSigningKeys(config.data_dir)
  const audit_head = new AuditHead(db, config.data_dir, failed)
  closing.push(() => audit_head.close())
  const refusals = new Refusals(db, failed)
  closing.push(() => refusals.close())
  await record(db, { actor: system, action: 'hub.start', outcome: 'done' })
  const [key_uses, token_uses] = [new Uses(), new Uses()]
  const directory = new Directory(db, signing_keys, token_uses)
  const key_ring = new KeyRing(db, key_uses)
  return { config, log, store, signing_keys, directory, key_ring, refusals, audit_head, key_uses, token_uses }
}

/** Broker, bridge and commands know each other only through what they are handed here. */
async function openMqtt(ground: Ground): Promise<Mqtt> {
  const { config, log, store } = ground
  let broker: Broker | null = null
  const opened = () => {
    if (!broker) throw new Error('The broker is not open yet.')
    return broker
  }
  const publish: Broker['publish'] = (topic, payload, options) => opened().publish(topic, payload, options)
  const commands = new Commands(store, { publish, isReadyForCommands: id => opened().isReadyForCommands(id) }, log)
  const told_wishes: ToldWishes = new Map()
  const bridge = createBridge({ store, commands, log, publish, told_wishes })
  const presences = new Presences({ store, log, publish })
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
  const retainedBelow = (prefix: string) => opened().retainedBelow(prefix)
  return { ...ground, broker, bridge, commands, presences, told_wishes, publish, retainedBelow }
}

function apiContext(mqtt: Mqtt, traffic: Traffic): ApiContext {
  const { config, log, store, signing_keys, directory, key_ring, refusals, audit_head, broker, bridge, commands } = mqtt
  return {
    config,
    log,
    store,
    commands,
    signing_keys,
    directory,
    key_ring,
    refusals,
    audit_head,
    ingest: (device, rest, payload, message_id = null, quarantine_id = null) => {
      const origin = {
        qos: 1,
        message_id,
        dup: message_id !== null,
        received_at: Date.now(),
        connected_at: null,
        quarantine_id,
      } as const
      return bridge.ingest({ device, rest, kind: inboundKind(rest)?.kind ?? null, payload, ...origin })
    },
    desiredChanged: device => desiredChanged(mqtt, device),
    disconnect: (match, reason) => {
      if (match.device_id) void mqtt.presences.revoked(match.device_id).catch(log.error.bind(log))
      return broker.disconnect(match, reason)
    },
    rightsChanged: user_ids => rightsChanged(mqtt, user_ids),
    deviceMoved: oneByOne(async (device: { id: string; home_id: string }, from_home: string) => {
      await broker.move(device.id, from_home, device.home_id)
      await forgetRetained(mqtt, { id: device.id, home_id: from_home })
      await retainAgain(mqtt, device.id)
    }),
    deviceDeleted: device => forgetRetained(mqtt, device),
    brokerStats: () => ({ ...broker.stats() }),
    traffic: () => ({ messages_per_minute: traffic.perMinute(), connections: broker.stats().connections }),
  }
}

/** Each call begins when the one before has ended: of two moves of one device the later one tidies up behind the earlier. */
function oneByOne<Arguments extends unknown[]>(
  call: (...given: Arguments) => Promise<void>,
): (...given: Arguments) => Promise<void> {
  let last: Promise<void> = Promise.resolve()
  return (...given) => {
    const done = last.then(() => call(...given))
    last = done.catch(() => undefined)
    return done
  }
}

/** What people may hear now, for the connections they have. Who is gone or inactive has none any more. */
async function rightsChanged({ directory, broker }: Mqtt, user_ids: readonly string[]): Promise<void> {
  for (const user_id of user_ids) {
    directory.forgetPerson(user_id)
    const rights = await directory.rightsOf(user_id)
    if (rights) broker.setRights(user_id, rights)
    else broker.disconnect({ user_id }, 'revoked')
  }
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

async function mayCommand(
  { directory }: Ground,
  id: string,
  device: { id: string; home_id: string },
): Promise<boolean> {
  const principal = await directory.standing(id)
  return principal !== null && may(principal, 'command', { home_id: device.home_id, device_id: device.id })
}

function openJobs(mqtt: Mqtt): Jobs {
  const { config, log, store, commands, presences, broker, bridge, key_uses, token_uses } = mqtt
  return createJobs({
    config,
    log,
    store,
    commands,
    takeSeen: bridge.takeSeen,
    takeKeyUses: () => key_uses.take(),
    takeTokenUses: () => token_uses.take(),
    mayCommand: (created_by, device) => mayCommand(mqtt, created_by, device),
    reconcilePresence: () => presences.reconcile(() => broker.connections()),
    endSleep: now => presences.endSleep(now),
    trimSessions: now => broker.trimSessions(now),
  })
}

/** Opens the doors. */
async function listen({ config, log, broker }: Mqtt, api: FastifyInstance, closing: Closing): Promise<Hub['ports']> {
  const { host } = config
  const listeners = await openListeners({ config, log, broker, httpServer: api.server })
  closing.push(listeners.close)
  await api.listen({ host, port: config.http_port })
  const { port: http } = api.server.address() as AddressInfo
  return { http, mqtt: listeners.mqtt_port, mqtts: listeners.mqtts_port }
}
