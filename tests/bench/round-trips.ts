import { readFile } from 'node:fs/promises'
import { Socket } from 'node:net'
import { setTimeout } from 'node:timers/promises'
import mqtt, { type MqttClient } from 'mqtt'
import { HearthClient } from '../../src/client/client.js'
import { type Asker, openAsker } from './asker.js'
import { percentile } from './figures.js'
import type { HubTarget } from './processes.js'

/** Each second, commands and bare messages alike. */
const rate = 200
const devices = 20

/** Milliseconds. */
export interface Times {
  readonly p50: number
  readonly p99: number
}

/** Both ways in one run: a command from the API to its device and back, and a message from one client to another and back. */
interface RoundTrips {
  readonly command: Times
  readonly bare: Times
}

interface Bench {
  measure(seconds: number): Promise<RoundTrips>
  close(): Promise<void>
}

/** Devices that answer a command at once, a program that echoes what it is told, and who asks both. */
export async function openRoundTrips(hub: HubTarget): Promise<Bench> {
  const asker = await openAsker(hub)
  const api = new HearthClient({ url: asker.url, access_token: asker.access_token })
  const scopes = { publish: ['bench/#'], subscribe: ['bench/#'] }
  const { secret } = await api.post<{ secret: string }>('/tokens', { name: 'bench', ...scopes })
  const connect = async (clientId: string, password: string) => {
    const client = await mqtt.connectAsync({
      host: '127.0.0.1',
      port: hub.port,
      clientId,
      username: clientId,
      password,
    })
    // Else a client's own second packet waits for the first one's TCP acknowledgement, up to 40 ms.
    if (client.stream instanceof Socket) client.stream.setNoDelay(true)
    return client
  }
  const keys: { id: string; api_key: string }[] = JSON.parse(await readFile(hub.credentials_file ?? '', 'utf8'))
  const obedient = await Promise.all(
    keys.slice(0, devices).map(async ({ id, api_key }) => obey(id, await connect(id, api_key))),
  )
  const [caller, echo] = [await connect('caller', secret), await connect('echo', secret)]
  const ping = await openPing(caller, echo)
  const command = (i: number) => issue(asker, keys[i % devices]?.id ?? '')
  return {
    measure: async seconds => ({ bare: await timesOf(seconds, ping), command: await timesOf(seconds, command) }),
    close: async () => {
      asker.close()
      for (const client of [...obedient, caller, echo]) await client.endAsync(true)
    },
  }
}

async function obey(id: string, client: MqttClient): Promise<MqttClient> {
  client.on('message', (_, payload) => {
    const { id: command_id } = JSON.parse(payload.toString()) as { id: string }
    const result = { id: command_id, status: 'succeeded', result: { seen: true } }
    client.publish(`devices/${id}/commands/result`, JSON.stringify(result), { qos: 1 })
  })
  await client.subscribeAsync(`devices/${id}/commands`, { qos: 1 })
  return client
}

async function openPing(caller: MqttClient, echo: MqttClient): Promise<(i: number) => Promise<void>> {
  const waiting = new Map<string, () => void>()
  echo.on('message', (_, payload) => echo.publish('bench/back', payload, { qos: 1 }))
  caller.on('message', (_, payload) => waiting.get(payload.toString())?.())
  await echo.subscribeAsync('bench/there', { qos: 1 })
  await caller.subscribeAsync('bench/back', { qos: 1 })
  return i =>
    new Promise(resolve => {
      waiting.set(`${i}`, resolve)
      caller.publish('bench/there', `${i}`, { qos: 1 })
    })
}

/** Settles when the device has done it. @throws Error when it was not done */
async function issue(asker: Asker, device_id: string): Promise<void> {
  const path = `/api/v1/devices/${device_id}/commands?wait=30`
  const { status, text } = await asker.ask(path, '{"name":"blink","params":{"times":3}}')
  if (status !== 200 || !text.includes('"succeeded"')) throw new Error(`a command was answered ${status}: ${text}`)
}

/** Begins one each 5 ms, whether the ones before have come back or not. */
async function timesOf(seconds: number, go: (i: number) => Promise<void>): Promise<Times> {
  const begun = performance.now()
  const under: Promise<number>[] = []
  for (let i = 0; i < seconds * rate; i++) {
    const due = begun + (i * 1000) / rate
    if (due > performance.now()) await setTimeout(due - performance.now())
    const since = performance.now()
    under.push(go(i).then(() => performance.now() - since))
  }
  const times = await Promise.all(under)
  return { p50: percentile(times, 0.5), p99: percentile(times, 0.99) }
}
