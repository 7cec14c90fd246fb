import mqtt, { type MqttClient } from 'mqtt'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createRandom } from '../../simulators/random.js'
import { HearthClient } from '../../src/client/client.js'
import { HubError } from '../../src/errors.js'
import { homeRoles } from '../../src/principal.js'
import { mountedTopic } from '../../src/topics.js'
import { startHub, type TestHub } from '../helper.js'
import { newPerson } from '../people/person.js'

const seed = Date.now() % 1_000_000
const random = createRandom(seed)
const pick = <T>(items: readonly T[]): T => items[Math.floor(random.next() * items.length)] as T

const cases = 10_000
const homes = ['h1', 'h2', 'h3', 'h4'] as const
const devices = homes.flatMap(home => [1, 2, 3].map(n => ({ home, id: `${home}-d${n}` })))

/** Where over HTTP is told what a topic tells, below a device's prefix. */
const routes: Readonly<Record<string, (id: string) => string>> = {
  telemetry: id => `/telemetry/${id}`,
  heartbeat: id => `/devices/${id}/heartbeats`,
  state: id => `/devices/${id}/state`,
  event: id => `/devices/${id}/events`,
  log: id => `/devices/${id}/log`,
  errors: id => `/devices/${id}/quarantine`,
  commands: id => `/devices/${id}/commands`,
  presence: id => `/devices/${id}`,
}
const rests = Object.keys(routes)

interface Subject {
  readonly name: string
  readonly client: HearthClient
  readonly mqtt: MqttClient
}

let hub: TestHub
const subjects: Subject[] = []

beforeAll(async () => {
  hub = await startHub()
  for (const id of homes) await hub.client.post('/homes', { id, name: id })
  for (const { home, id } of devices) await hub.device(id, { home_id: home })
  for (const role of ['admin', 'staff', 'user', 'user', 'user', 'user', 'user', 'user'] as const) {
    const person = await newPerson(hub, role)
    const places = role === 'user' ? homes.filter(() => random.chance(0.4)) : []
    for (const home of places) await hub.client.put(`/homes/${home}/members/${person.id}`, { role: pick(homeRoles) })
    await addSubject(`${role} in ${places.join(' ')}`, person.access_token, `user-${person.id}`)
  }
  for (let i = 0; i < 16; i++) {
    const subscribe = Array.from({ length: 1 + Math.floor(random.next() * 3) }, randomFilter)
    const token = { name: `program ${i}`, subscribe, api: pick(['read', 'write'] as const) }
    const { secret } = await hub.client.post<{ secret: string }>('/tokens', token)
    await addSubject(subscribe.join(' '), secret, `node-red-${i}`)
  }
})
afterAll(async () => {
  for (const subject of subjects) await subject.mqtt.endAsync(true)
  await hub.close()
})

/** Filters of every shape: whole homes, single devices, single kinds, wildcards anywhere. */
function randomFilter(): string {
  const device = pick(devices)
  return pick([
    '#',
    'homes/#',
    `homes/${pick(homes)}/#`,
    `homes/${device.home}/devices/${device.id}/#`,
    `homes/+/devices/${device.id}/#`,
    `homes/${pick(homes)}/devices/+/${pick(rests)}`,
    `homes/+/devices/+/${pick(rests)}`,
    `homes/${device.home}/devices/${device.id}/${pick(rests)}`,
    `homes/+/+/${device.id}/+`,
    `homes/${pick(homes)}/commands`,
    'garden/#',
  ])
}

async function addSubject(name: string, credential: string, clientId: string): Promise<void> {
  const client = new HearthClient({ url: hub.http_url, access_token: credential })
  const options = { clientId, username: 'x', password: credential, reconnectPeriod: 0 }
  subjects.push({ name, client, mqtt: await mqtt.connectAsync(hub.mqtt_url, options) })
}

async function mayRead({ client }: Subject, path: string): Promise<boolean> {
  try {
    await client.get(path)
    return true
  } catch (error) {
    if (error instanceof HubError && ['not_found', 'forbidden'].includes(error.code)) return false
    throw error
  }
}

/** Which of these topics a subscription is granted for. */
async function mayHear({ mqtt }: Subject, topics: readonly string[]): Promise<boolean[]> {
  const granted: boolean[] = []
  for (let at = 0; at < topics.length; at += 100) {
    const some = topics.slice(at, at + 100)
    const codes = await new Promise<number[]>((resolve, reject) => {
      mqtt.subscribe(some, { qos: 1 }, (error, _, packet) => {
        if (packet) resolve(packet.granted as number[])
        else reject(error ?? new Error('no SUBACK'))
      })
    })
    granted.push(...codes.map(code => code < 128))
    await mqtt.unsubscribeAsync(some)
  }
  return granted
}

test(`what somebody may read is what they may hear: ${cases} random cases (seed ${seed})`, async () => {
  const drawn = Array.from({ length: cases }, () => ({
    subject: pick(subjects),
    device: pick(devices),
    rest: pick(rests),
  }))
  const differences: string[] = []
  let allowed = 0
  for (const subject of subjects) {
    const mine = drawn.filter(one => one.subject === subject)
    const topics = mine.map(({ device, rest }) => mountedTopic(device.home, device.id, rest))
    const distinct = [...new Set(topics)]
    const heard = new Map((await mayHear(subject, distinct)).map((granted, i) => [distinct[i], granted]))
    const read = await Promise.all(mine.map(({ device, rest }) => mayRead(subject, routes[rest]?.(device.id) ?? '')))
    mine.forEach((_, i) => {
      if (read[i]) allowed++
      if (read[i] !== heard.get(topics[i])) differences.push(`${subject.name}: ${topics[i]} read ${read[i]}`)
    })
  }
  expect(differences).toEqual([])
  // Neither all nor nothing was asked.
  expect(allowed).toBeGreaterThan(cases / 20)
  expect(allowed).toBeLessThan(cases * 0.95)
}, 120_000)

test('a list shows what may be heard of, and nothing else', async () => {
  for (const subject of subjects) {
    const { devices: listed } = await subject.client.get<{ devices: { id: string }[] }>('/devices?limit=1000')
    const granted = await mayHear(
      subject,
      devices.map(({ home, id }) => mountedTopic(home, id, 'presence')),
    )
    const heard = devices.filter((_, i) => granted[i]).map(({ id }) => id)
    expect([subject.name, listed.map(({ id }) => id).filter(id => id.startsWith('h'))]).toEqual([subject.name, heard])
  }
})

test('a message reaches those who may read it, and nobody else, whatever they asked for', async () => {
  const topic = mountedTopic('h1', 'h1-d1', 'telemetry')
  const heard = new Set<Subject>()
  for (const subject of subjects) {
    subject.mqtt.on('message', name => name === topic && heard.add(subject))
    subject.mqtt.subscribe(['#', 'homes/#', 'homes/h1/#', '+/+/+/+/+', topic], { qos: 1 })
    // Refused or not, the hub has looked at it when this is answered.
    await mayHear(subject, ['garden/gate'])
  }
  const { api_key } = await hub.client.post<{ api_key: string }>('/devices/h1-d1/keys', {})
  const device = await hub.connect('h1-d1', api_key)
  await device.publishAsync('devices/h1-d1/telemetry', '{"a":1}', { qos: 1 })
  const read = await Promise.all(subjects.map(subject => mayRead(subject, '/telemetry/h1-d1')))
  const expected = subjects.filter((_, i) => read[i]).map(({ name }) => name)
  await expect.poll(() => subjects.filter(subject => heard.has(subject)).map(({ name }) => name)).toEqual(expected)
})
