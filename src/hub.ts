import type { AddressInfo } from 'node:net'
import type { FastifyInstance } from 'fastify'
import type { Logger } from 'pino'
import { openListeners } from '../broker/listeners.js'
import type { Config } from '../config/config.js'
import type { Alerts } from './alerts/alerts.js'
import type { ApiContext } from './api/context.js'
import { createApi } from './api/server.js'
import { record, system } from './audit/audit.js'
import { AuditHead } from './audit/head.js'
import { Refusals } from './audit/refusals.js'
import { restoreRetained } from './bridge/retained.js'
import { openData } from './data.js'
import { KeyRing } from './devices/key-ring.js'
import { ensureDefaultHome } from './homes/homes.js'
import { apiContext } from './hub-api.js'
import { type Audio, openAudio } from './hub-audio.js'
import { writeHubFile } from './hub-file.js'
import { type Ground, type Mqtt, openMqtt } from './hub-mqtt.js'
import { createJobs, type Jobs } from './jobs/jobs.js'
import { Notifier } from './notifications/notifier.js'
import { openSeal } from './notifications/seal.js'
import { createSenders } from './notifications/senders.js'
import { Traffic } from './operations/traffic.js'
import { Directory } from './people/directory.js'
import { openSigningKeys } from './people/signing-keys.js'
import { ensureAdministrator, forgetAdministrator } from './people/users.js'
import { may } from './rights.js'
import type { Store } from './store/store.js'
import { Uses } from './uses.js'

export interface Hub {
  readonly ports: { readonly http: number; readonly mqtt: number; readonly mqtts: number | null }
  /** The administrator that was made at this start, with a password to be shown once; null at every later start. */
  readonly administrator: { readonly email: string; readonly password: string } | null
  readonly store: Store
  readonly alerts: Alerts
  /** Accepts nothing new, commits and acknowledges what is in flight, and closes everything in reverse. */
  close(): Promise<void>
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
  closing.push(() => mqtt.rules.stop())
  closing.push(() => mqtt.broker.close())
  await Promise.all([restoreRetained(mqtt), mqtt.alerts.retainAll()])
  const notifier = openNotifier(mqtt)
  closing.push(() => notifier.close())
  await mqtt.rules.start()
  const traffic = new Traffic(() => mqtt.broker.stats().messages_in)
  closing.push(async () => traffic.stop())
  const audio = await openAudio(mqtt)
  let listeners: Doors | null = null
  const doors = () => {
    if (!listeners) throw new Error('The doors are not open yet.')
    return listeners
  }
  const jobs = openJobs(mqtt, audio)
  const api = await createApi(apiContext(mqtt, { notifier, audio, traffic, doors, jobs: jobs.list }))
  closing.push(async () => {
    apiClosed = api.close()
  })
  closing.push(() => jobs.stop())
  const { host, admin_email: email, admin_password: password } = config
  const given = email && password ? { email, password } : null
  const [administrator] = await Promise.all([ensureAdministrator(store.db, given), jobs.start(), notifier.start()])
  const opened = (doors: Doors) => {
    listeners = doors
  }
  const ports = await listen(mqtt, api, closing, opened).catch(async error => {
    // A start that fails at its ports tells nobody the password.
    if (administrator) await forgetAdministrator(store.db, administrator.email)
    throw error
  })
  closing.push(audio.start())
  const { http: http_port, mqtt: mqtt_port, mqtts: mqtts_port } = ports
  closing.push(await writeHubFile(config.data_dir, { pid: process.pid, host, http_port, mqtt_port, mqtts_port }))
  return { ports, administrator, store, alerts: mqtt.alerts }
}

async function openGround({ config, log, store }: Base, closing: Closing): Promise<Ground> {
  const { db } = store
  const failed = (err: unknown) => log.error({ err }, 'the audit could not be written')
  const [signing_keys, seal] = await Promise.all([openSigningKeys(config.data_dir), openSeal(config.data_dir)])
  const audit_head = new AuditHead(db, config.data_dir, failed)
  closing.push(() => audit_head.close())
  const refusals = new Refusals(db, failed)
  closing.push(() => refusals.close())
  await record(db, { actor: system, action: 'hub.start', outcome: 'done' })
  const [key_uses, token_uses] = [new Uses(), new Uses()]
  const directory = new Directory(db, signing_keys, token_uses)
  const key_ring = new KeyRing(db, key_uses)
  return { config, log, store, signing_keys, seal, directory, key_ring, refusals, audit_head, key_uses, token_uses }
}

async function mayCommand(
  { directory }: Ground,
  id: string,
  device: { id: string; home_id: string },
): Promise<boolean> {
  const principal = await directory.standing(id)
  return principal !== null && may(principal, 'command', { home_id: device.home_id, device_id: device.id })
}

function openNotifier({ config, log, store, seal, alerts }: Mqtt): Notifier {
  const { notify_attempts: max_attempts } = config
  const changed = alerts.tell.bind(alerts)
  const notifier = new Notifier({ store, log, seal, senders: createSenders(config), max_attempts, changed })
  alerts.onChange(({ notify_at }) => {
    if (notify_at !== null) notifier.wake()
  })
  return notifier
}

function openJobs(mqtt: Mqtt, audio: Audio): Jobs {
  const { config, log, store, alerts, commands, presences, broker, bridge, key_uses, token_uses } = mqtt
  return createJobs({
    config,
    log,
    store,
    alerts,
    commands,
    audio,
    takeSeen: bridge.takeSeen,
    takeKeyUses: () => key_uses.take(),
    takeTokenUses: () => token_uses.take(),
    mayCommand: (created_by, device) => mayCommand(mqtt, created_by, device),
    reconcilePresence: () => presences.reconcile(() => broker.connections()),
    endSleep: now => presences.endSleep(now),
    trimSessions: now => broker.trimSessions(now),
  })
}

type Doors = ReturnType<ApiContext['doors']>

/** Opens the doors: those of MQTT, which is told, and then that of HTTP. */
async function listen(
  { config, log, broker }: Mqtt,
  api: FastifyInstance,
  closing: Closing,
  opened: (doors: Doors) => void,
): Promise<Hub['ports']> {
  const { host } = config
  const listeners = await openListeners({ config, log, broker, httpServer: api.server })
  closing.push(listeners.close)
  const { mqtt_port, mqtts_port } = listeners
  opened({ mqtt_port, mqtts_port })
  await api.listen({ host, port: config.http_port })
  const { port: http } = api.server.address() as AddressInfo
  return { http, mqtt: mqtt_port, mqtts: mqtts_port }
}
