import { mkdtemp, rm } from 'node:fs/promises'
import type { ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, onTestFinished, test } from 'vitest'
import { createRandom } from '../../simulators/random.js'
import type { HearthClient } from '../../src/client/client.js'
import { certificate as cert, certificateKey, certificateSettings } from '../broker/certificate.js'
import { until } from '../helper.js'
import { noticeIn, type Told } from '../notifications/notifying.js'
import { type Received, type Receiver, startReceiver } from '../notifications/receiver.js'
import { startSmtp } from '../notifications/smtp.js'
import { clientOf, makeDevices, portsOf, startChild } from './child.js'

const kills = Number(process.env.HEARTH_TEST_KILLS ?? 20)
const atOnce = 8
const count = 8
const seed = Number(process.env.HEARTH_TEST_SEED ?? Date.now() % 1_000_000)
const random = createRandom(seed)

const seen = new Set<unknown>()

/**
 * What a receiver does with a message that it has taken: mostly it says so, at once or later; else it has trouble, or says nothing. That only the
 * first time: the more attempts there were, the longer the next is waited for.
 */
function answer({ headers }: Received, response: ServerResponse): void {
  const luck = random.next()
  const isNew = seen.size < seen.add(headers['webhook-id']).size
  if (luck < 0.5) response.writeHead(204).end()
  else if (luck < 0.8) setTimeout(() => response.writeHead(204).end(), random.between(5, 100))
  else if (luck < 0.95 || !isNew) response.writeHead(503, { 'retry-after': '1' }).end()
  else response.destroy()
}

/** A receiver that honours ids: what it has had already it does not count again. @returns event and alert → the ids under which it was told so */
function honoured(messages: readonly (readonly [id: string, event: string, alert_id: string])[]) {
  const told = new Map<string, Set<string>>()
  for (const [id, event, alert_id] of messages) {
    const occasion = `${event} ${alert_id}`
    told.set(occasion, (told.get(occasion) ?? new Set()).add(id))
  }
  return told
}

const hooked = ({ received }: Receiver) =>
  received.map(one => {
    const { type, data } = noticeIn(one)
    return [String(one.headers['webhook-id']), type, data.alert?.id ?? ''] as const
  })

const events: Readonly<Record<string, string>> = {
  Nobody: 'alert.escalated',
  Closed: 'alert.closed',
  '[critical]': 'alert.raised',
}
const mailed = (mails: readonly Received[]) =>
  mails.map(({ body }) => {
    const find = (pattern: RegExp) => pattern.exec(body)?.[1] ?? ''
    return [find(/^Message-ID: <(\w+)@/m), events[find(/^Subject: (\S+?):? /m)] ?? '', find(/^Alert: (\w+)/m)] as const
  })

async function allAlerts(client: HearthClient): Promise<string[]> {
  const ids: string[] = []
  for (let cursor: string | null = ''; cursor !== null; ) {
    const query: string = cursor && `&cursor=${cursor}`
    const page = await client.get<{ alerts: { id: string }[]; next_cursor: string | null }>(`/alerts?limit=500${query}`)
    ids.push(...page.alerts.map(({ id }) => id))
    cursor = page.next_cursor
  }
  return ids
}

/** Waits until nothing is left to be sent of any alert, and so many of each were delivered. */
const allDelivered = (client: HearthClient, ids: readonly string[], each: number) =>
  until(async () => {
    for (const id of ids) {
      const { notifications } = await client.get<{ notifications: Told[] }>(`/alerts/${id}/notifications`)
      if (notifications.filter(({ status }) => status === 'delivered').length < each) return null
    }
    return true
  }, 120_000).catch(async error => {
    console.log(JSON.stringify(await client.get('/ops/notifications?status=pending')))
    throw error
  })

test(`kill -9, ${kills} times, while people are told of alerts: each is told of everything, and nobody who heeds the id twice (seed ${seed})`, async () => {
  const data_dir = await mkdtemp(join(tmpdir(), 'hearth-notification-kills-'))
  const [plain, secure, smtp] = await Promise.all([
    startReceiver(),
    startReceiver({ cert, key: certificateKey }),
    startSmtp({}, () => (random.chance(0.3) ? random.between(5, 100) : 0)),
  ])
  const env = {
    ...smtp.env,
    HEARTH_OUTBOUND_ALLOW: '127.0.0.1, localhost',
    HEARTH_NOTIFY_ATTEMPTS: '100',
    NODE_EXTRA_CA_CERTS: certificateSettings(data_dir).HEARTH_TLS_CERT,
  }
  let hub = await startChild(data_dir, env)
  onTestFinished(async () => {
    await hub.end('SIGKILL')
    await rm(data_dir, { recursive: true, force: true })
  })
  for (const receiver of [plain, secure]) receiver.answer = answer
  const { client } = await clientOf(hub)
  const devices = [...(await makeDevices(hub, count)).keys()]
  const contact = async (where: object) =>
    (await client.post<{ contact: { id: string } }>('/settings/contacts', { name: 'x', ...where })).contact.id
  await contact({ kind: 'webhook', url: plain.url })
  const second = await contact({ kind: 'webhook', url: secure.url })
  await contact({ kind: 'email', address: 'me@example.org' })
  const steps = [{ after_seconds: 0 }, { after_seconds: 1, contact_ids: [second] }]
  await client.patch('/settings/policies/home', { steps })

  const answered = new Set<string>()
  let n = 0
  const raise = async () => {
    const device_id = devices[n % count]
    const body = { device_id, key: `k${n++}`, severity: 'critical', message: 'Water' }
    // Without an answer nobody knows whether it was written down.
    const raised = await client.post<{ alert: { id: string } }>('/alerts', body).catch(() => null)
    if (raised) answered.add(raised.alert.id)
  }
  const ports = { ...env, ...portsOf(hub) }
  for (let i = 0; i < kills; i++) {
    // Now while alerts are raised, now while they are told.
    const [enough, told] = [answered.size + random.between(1, atOnce - 2), plain.received.length + random.between(1, 5)]
    const isEnough = random.chance(0.5) ? () => answered.size >= enough : () => plain.received.length >= told
    const raising = Array.from({ length: atOnce }, () => sleep(random.between(0, 150)).then(raise))
    await until(isEnough)
    await hub.end('SIGKILL')
    await Promise.all(raising)
    hub = await startChild(data_dir, ports)
  }
  const alerts = await allAlerts(client)
  expect([...answered].filter(id => !alerts.includes(id))).toEqual([])
  await allDelivered(client, alerts, 4)
  for (const id of alerts) await client.post(`/alerts/${id}/close`, {})
  await allDelivered(client, alerts, 7)

  const everybody = { plain: hooked(plain), secure: hooked(secure), mail: mailed(smtp.received) }
  for (const [who, messages] of Object.entries(everybody)) {
    const told = honoured(messages)
    const heard =
      who === 'secure' ? ['alert.raised', 'alert.escalated', 'alert.closed'] : ['alert.raised', 'alert.closed']
    const wanted = heard.flatMap(event => alerts.map(id => `${event} ${id}`))
    expect([who, wanted.filter(one => told.get(one)?.size !== 1)]).toEqual([who, []])
    expect([who, [...told.keys()].filter(one => !wanted.includes(one))]).toEqual([who, []])
    console.log(`${who}: ${messages.length} messages, ${told.size} of them new`)
  }
  console.log(`${alerts.length} alerts, ${answered.size} of them answered`)
}, 400_000)
