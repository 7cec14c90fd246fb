import { readFile } from 'node:fs/promises'
import { Agent, request } from 'node:http'
import { Socket } from 'node:net'
import { setTimeout } from 'node:timers/promises'
import mqtt, { type MqttClient } from 'mqtt'
import { HearthClient } from '../../src/client/client.js'
import { admin } from '../helper.js'
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
  const url = `http://127.0.0.1:${hub.http_port}`
  const { access_token } = await new HearthClient({ url }).post<{ access_token: string }>('/auth/login', {
    email: admin.email,
    password: admin.password,
  })
  const api = new HearthClient({ url, access_token })
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
  const [asker, echo] = [await connect('asker', secret), await connect('echo', secret)]
  const ping = await openPing(asker, echo)
  const agent = new Agent({ keepAlive: true })
  const command = (i: number) =>
    issue(agent, access_token, `${url}/api/v1/devices/${keys[i % devices]?.id}/commands?wait=30`)
  return {
    measure: async seconds => ({ bare: await timesOf(seconds, ping), command: await timesOf(seconds, command) }),
    close: async () => {
      agent.destroy()
      for (const client of [...obedient, asker, echo]) await client.endAsync(true)
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

async function openPing(asker: MqttClient, echo: MqttClient): Promise<(i: number) => Promise<void>> {
  const waiting = new Map<string, () => void>()
  echo.on('message', (_, payload) => echo.publish('bench/back', payload, { qos: 1 }))
  asker.on('message', (_, payload) => waiting.get(payload.toString())?.())
  await echo.subscribeAsync('bench/there', { qos: 1 })
  await asker.subscribeAsync('bench/back', { qos: 1 })
  return i =>
    new Promise(resolve => {
      waiting.set(`${i}`, resolve)
      asker.publish('bench/there', `${i}`, { qos: 1 })
    })
}

/** Settles when the device has done it. @throws Error when it was not done */
function issue(agent: Agent, access_token: string, url: string): Promise<void> {
  const headers = { authorization: `Bearer ${access_token}`, 'content-type': 'application/json' }
  return new Promise((resolve, reject) => {
    const asked = request(url, { method: 'POST', agent, headers }, answer => {
      let text = ''
      answer.setEncoding('utf8').on('data', part => {
        text += part
      })
      answer.on('end', () => {
        if (answer.statusCode === 200 && text.includes('"succeeded"')) resolve()
        else reject(new Error(`a command was answered ${answer.statusCode}: ${text}`))
      })
    })
    asked.on('error', reject).end('{"name":"blink","params":{"times":3}}')
  })
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
  const times = (await Promise.all(under)).toSorted((a, b) => a - b)
  const at = (share: number) => times[Math.floor((times.length - 1) * share)] ?? 0
  return { p50: at(0.5), p99: at(0.99) }
}
