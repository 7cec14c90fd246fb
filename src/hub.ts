import { mkdir, rm, writeFile } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import type { Logger } from 'pino'
import { type Broker, createBroker } from '../broker/broker.js'
import { type Credentials, Refusal } from '../broker/contract.js'
import { openListeners } from '../broker/listeners.js'
import { type Config, databaseFile } from '../config/config.js'
import { createApi } from './api/server.js'
import { createBridge } from './bridge/bridge.js'
import { deviceConnected, deviceDisconnected } from './bridge/presence.js'
import { forgetRetained, reconcilePresence, restoreRetained } from './bridge/retained.js'
import { desiredChanged } from './bridge/state.js'
import { Commands } from './commands/commands.js'
import { KeyUses } from './devices/key-uses.js'
import { authenticateKey, looksLikeKey } from './devices/keys.js'
import { resetPresence } from './devices/presence.js'
import { HubError } from './errors.js'
import { ensureDefaultHome } from './homes/homes.js'
import { createJobs } from './jobs/jobs.js'
import { authenticateToken, openSigningKey, type SigningKey } from './people/tokens.js'
import { ensureAdministrator } from './people/users.js'
import type { Principal } from './principal.js'
import { openStore, type Store } from './store/store.js'
import { inboundKind } from './topics.js'

export interface Hub {
  readonly ports: { readonly http: number; readonly mqtt: number; readonly mqtts: number | null }
  /** The administrator that was made at this start, with a password to be shown once; null at every later start. */
  readonly administrator: { readonly email: string; readonly password: string } | null
  readonly store: Store
  /** Accepts nothing new, commits and acknowledges what is in flight, and closes everything in reverse. */
  close(): Promise<void>
}

/**
 * The composition root: makes the parts, hands each what it uses, and listens last.
 * @throws HubError or Error when a part cannot start; what was started before it is closed again
 */
export async function createHub(config: Config, log: Logger): Promise<Hub> {
  const opened: (() => Promise<unknown>)[] = []
  const close = async () => {
    for (const one of opened.splice(0).reverse()) await one()
  }
  try {
    return await open(config, log, opened, close)
  } catch (error) {
    await close()
    throw error
  }
}

async function open(
  config: Config,
  log: Logger,
  opened: (() => Promise<unknown>)[],
  close: () => Promise<void>,
): Promise<Hub> {
  await mkdir(config.data_dir, { recursive: true, mode: 0o700 })
  const signing_key = await openSigningKey(config.data_dir)
  const store = await openStore({
    file: databaseFile(config),
    sync: config.sync,
    readers: config.readers,
    append_module: new URL('./telemetry/append.js', import.meta.url),
    log,
  })
  opened.push(store.close)
  // The HTTP server ends when its last WebSocket does, which the broker closes: begun before the broker, awaited after it.
  let apiClosed: Promise<unknown> = Promise.resolve()
  opened.push(() => apiClosed)
  const { db } = store
  await ensureDefaultHome(db)
  const administrator = await ensureAdministrator(db, administratorOf(config))
  const { last_session } = await resetPresence(db, Date.now())

  // The broker needs the bridge's functions and the bridge the broker's: each is handed a way to the other, used only once both are there.
  const late: { broker?: Broker } = {}
  const broker = () => {
    if (!late.broker) throw new Error('The broker is not open yet.')
    return late.broker
  }
  const publish: Broker['publish'] = (topic, payload, options) => broker().publish(topic, payload, options)
  const commands = new Commands(db, { publish, isReadyForCommands: id => broker().isReadyForCommands(id) }, log)
  const bridge = createBridge({ store, commands, log, publish })
  const told = { store, log, publish }
  const uses = new KeyUses()
  const logged = (what: string) => (err: unknown) => log.error({ err }, what)

  late.broker = await createBroker({
    config,
    log,
    first_session: last_session + 1,
    handlers: {
      authenticate: credentials => authenticate(store, signing_key, uses, credentials),
      receive: bridge.receive,
      connected: connection => void deviceConnected(told, connection),
      disconnected: (connection, reason) => {
        commands.gone(connection.device.id, connection.session)
        void deviceDisconnected(told, connection, reason)
      },
      readyForCommands: ({ device, session }) =>
        void commands.ready(device.id, session).catch(logged('commands could not be sent; they stay queued')),
      delivered: (_, command_id) =>
        void commands.delivered(command_id).catch(logged('a delivery could not be recorded')),
    },
  })
  opened.push(() => broker().close())
  await restoreRetained(told)

  const api = await createApi({
    config,
    log,
    store,
    commands,
    signing_key,
    authenticateDevice: async api_key => {
      const device = await authenticateKey(db, api_key)
      uses.count(device.key_id)
      return device
    },
    ingest: (device, rest, payload) =>
      bridge.ingest({
        device,
        rest,
        kind: inboundKind(rest)?.kind ?? null,
        payload,
        qos: 1,
        message_id: null,
        dup: false,
        received_at: Date.now(),
      }),
    desiredChanged: device => desiredChanged(told, device),
    disconnect: (match, reason) => broker().disconnect(match, reason),
    deviceDeleted: device => forgetRetained(told, device),
    brokerStats: () => ({ ...broker().stats() }),
  })
  opened.push(async () => {
    apiClosed = api.close()
  })

  const jobs = createJobs({
    config,
    log,
    store,
    commands,
    takeSeen: bridge.takeSeen,
    takeKeyUses: () => uses.take(),
    reconcilePresence: () => reconcilePresence(told, () => broker().connections()),
  })
  opened.push(async () => {
    await jobs.stop()
    await jobs.run('seen')
  })
  await jobs.start()

  const listeners = await openListeners({ config, log, broker: broker(), httpServer: api.server })
  opened.push(listeners.close)
  await api.listen({ host: config.host, port: config.http_port })
  const { port: http } = api.server.address() as AddressInfo
  const ports = { http, mqtt: listeners.mqtt_port, mqtts: listeners.mqtts_port }
  opened.push(await announce(config, ports))
  return { ports, administrator, store, close }
}

function administratorOf({ admin_email: email, admin_password: password }: Config) {
  return email && password ? { email, password } : null
}

/** A device shows its key as the password, or as the user name alone; anything else is a person's access token (D5). */
async function authenticate(
  store: Store,
  key: SigningKey,
  uses: KeyUses,
  { username, password }: Credentials,
): Promise<Principal> {
  const credential = password || (username && looksLikeKey(username) ? username : '')
  try {
    if (!looksLikeKey(credential)) return await authenticateToken(key, credential)
    const device = await authenticateKey(store.db, credential)
    const named = username === null || username === '' || username === device.id || username === credential
    if (!named) throw new HubError('unauthorized', 'The key belongs to another device.')
    uses.count(device.key_id)
    return device
  } catch (error) {
    if (error instanceof HubError && error.code === 'unauthorized') throw new Refusal(4, 'bad_credentials')
    if (error instanceof HubError && error.code === 'forbidden') throw new Refusal(5, 'disabled_or_expired')
    throw error
  }
}

/** Writes down where the hub can be reached, for the command line. @returns what takes it away again */
async function announce(config: Config, ports: Hub['ports']): Promise<() => Promise<void>> {
  const path = join(config.data_dir, 'hub.json')
  const { http: http_port, mqtt: mqtt_port, mqtts: mqtts_port } = ports
  await writeFile(
    path,
    `${JSON.stringify({ pid: process.pid, host: config.host, http_port, mqtt_port, mqtts_port })}\n`,
  )
  return () => rm(path, { force: true })
}
