import { readFile } from 'node:fs/promises'
import { Socket } from 'node:net'
import { setTimeout } from 'node:timers/promises'
import mqtt, { type MqttClient } from 'mqtt'
import type { LoadReport } from '../../simulators/load-tally.js'
import { HearthClient } from '../../src/client/client.js'
import { defaultHomeId } from '../../src/homes/homes.js'
import { type Condition, condition } from '../../src/rules/condition.js'
import { createRule } from '../../src/rules/rules.js'
import { until } from '../helper.js'
import { openAsker } from './asker.js'
import { deviceId, makeDevices, openData } from './devices.js'
import { type Figure, median, type Options, percentile, rounds } from './figures.js'
import { gauge, type HubTarget, load, startHubOn, temporaryDirectory } from './processes.js'

const devices = 100
/** Devices beside those of the load, which break a rule and keep it again. */
const breakers = 20
const rules = 1000
const messagesPerSecond = 5000
const breaksPerSecond = 50

/** What the load never does: temperatures from 10 to 90, and 40 and 41. */
const kept: readonly object[] = [
  { type: 'threshold', field: 'temperature', above: 1000 },
  { type: 'threshold', field: 'temperature', above: 500, clear_at: 400, for_seconds: 60 },
  { type: 'threshold', field: 'temperature', below: -20, clear_at: 0 },
  { type: 'threshold', field: 'humidity', below: 10 },
  { type: 'threshold', field: 'humidity', above: 90, for_seconds: 30 },
  { type: 'threshold', field: 'battery', below: 5 },
  { type: 'rate', field: 'temperature', above: 1e6, window_seconds: 60 },
  { type: 'no_data', seconds: 600 },
  {
    all: [
      { type: 'threshold', field: 'temperature', above: 100 },
      { type: 'threshold', field: 'humidity', above: 80 },
    ],
  },
  {
    any: [
      { type: 'threshold', field: 'battery', below: 1 },
      { type: 'state', path: 'mode', equals: 'fault' },
    ],
  },
]
const broken = { type: 'threshold', field: 'temperature', above: 100 }

/** What rules cost where all are kept, and how soon an alert is heard where one is broken. */
export async function rulesBench({ quick }: Options): Promise<Figure[]> {
  const [bare, ruled] = [await startWith(0), await startWith(rules)]
  try {
    return [...(await ingest(bare, ruled, quick)), ...(await reaction(ruled, quick))]
  } finally {
    await Promise.all([bare.stop(), ruled.stop()])
  }
}

async function startWith(count: number): Promise<HubTarget> {
  const { path, remove } = await temporaryDirectory()
  await makeDevices(path, devices + breakers)
  const store = await openData(path)
  const scope = { home_id: defaultHomeId, group_id: null, type: null, active_hours: null, message: null }
  const rest = {
    severity: 'warning',
    enabled: true,
    auto_clear: true,
    clear_after_seconds: 0,
    created_by: 'bench',
  } as const
  const make = (device: number, what: unknown, i: number) =>
    createRule(store.db, {
      ...scope,
      ...rest,
      device_id: deviceId(device),
      name: `rule ${i}`,
      condition: condition.parse(what) as Condition,
    })
  for (let i = 0; i < count; i++)
    if (i < breakers) await make(devices + i, broken, i)
    else await make(i % devices, kept[Math.floor(i / devices) % kept.length], i)
  await store.close()
  const hub = await startHubOn(path)
  return { ...hub, stop: () => hub.stop().then(remove) }
}

/** As the first of the rates, by turns: what is stored with rules, as a share of what is without. */
async function ingest(bare: HubTarget, ruled: HubTarget, quick: boolean): Promise<Figure[]> {
  const options = { devices, in_flight: 20, values: 3, seconds: quick ? 2 : 6 }
  const measure = async (hub: HubTarget) => (await load(hub, options)).per_second
  const shares: number[] = []
  for (let turn = 0; turn < (quick ? 2 : 5); turn++) {
    // There and back: whoever goes later goes while the other one tidies up.
    const there = [await measure(bare), await measure(ruled)]
    const back = [await measure(ruled), await measure(bare)]
    const without = (there[0] ?? 0) + (back[1] ?? 0)
    const within = (there[1] ?? 0) + (back[0] ?? 0)
    shares.push(within / without)
    console.log(`    without rules ${(without / 2).toFixed(0)} msg/s   with ${rules} ${(within / 2).toFixed(0)} msg/s`)
  }
  const name = `${devices} devices × 20 in flight: stored with ${rules} rules / without`
  return [{ name, value: median(shares), unit: '', least: 0.9, note: rounds(shares) }]
}

async function reaction(hub: HubTarget, quick: boolean): Promise<Figure[]> {
  const clients = await openBreakers(hub)
  const [all, reports]: [Reaction[], LoadReport[]] = [[], []]
  for (let turn = 0; turn < (quick ? 1 : 3); turn++) {
    const seconds = quick ? 5 : 15
    const options = { devices, in_flight: 50, values: 3, per_second: messagesPerSecond, seconds: seconds + 2 }
    const [report, found] = await Promise.all([load(hub, options), underLoad(hub).then(() => clients.measure(seconds))])
    const lag = (await gauge(hub, 'nodejs_eventloop_lag_p99_seconds')) * 1000
    all.push(...found)
    const times = found.map(({ alert }) => alert)
    reports.push(report)
    console.log(
      `    ${report.per_second.toFixed(0)} msg/s, PUBACK p50 ${report.p50_ms.toFixed(1)} p99 ${report.p99_ms.toFixed(1)} ms, ` +
        `${found.length} alerts p50 ${percentile(times, 0.5).toFixed(1)} ` +
        `p99 ${percentile(times, 0.99).toFixed(1)} max ${Math.max(...times).toFixed(0)} ms   event loop p99 ${lag.toFixed(1)} ms`,
    )
  }
  await clients.close()
  const times = all.map(({ alert }) => alert)
  const stored = all.map(({ stored }) => stored)
  const least = Math.min(...reports.map(({ per_second }) => per_second))
  return [
    { name: 'from a reading to its live alert, p99', value: percentile(times, 0.99), unit: 'ms', most: 50 },
    { name: 'from a reading to its live alert, p50', value: percentile(times, 0.5), unit: 'ms' },
    { name: 'from the same reading to its PUBACK, p99', value: percentile(stored, 0.99), unit: 'ms' },
    { name: 'from the same reading to its PUBACK, p50', value: percentile(stored, 0.5), unit: 'ms' },
    {
      name: `messages a second of ${messagesPerSecond} meanwhile`,
      value: least,
      unit: '',
      least: messagesPerSecond * 0.95,
    },
  ]
}

/** Resolves once the hub has taken a second's worth of the load. The lag of its event loop is counted anew from then on: each look does so. */
async function underLoad(hub: HubTarget): Promise<void> {
  const taken = () => gauge(hub, 'hearth_broker_messages_in')
  const enough = (await taken()) + messagesPerSecond
  await until(() => setTimeout(100).then(async () => (await taken()) >= enough), 30_000)
}

/** Milliseconds from sending a reading until its alert was heard, and until it was acknowledged. */
interface Reaction {
  readonly alert: number
  readonly stored: number
}

interface Heard {
  readonly alert: {
    readonly cleared_at: number | null
    readonly data: { readonly values: { readonly temperature?: number } }
  }
}

/** Devices that break a rule, each with a value of its own, and who hears of it. */
async function openBreakers(hub: HubTarget) {
  const asker = await openAsker(hub)
  const api = new HearthClient({ url: asker.url, access_token: asker.access_token })
  const scopes = { publish: [], subscribe: ['homes/#'] }
  const { secret } = await api.post<{ secret: string }>('/tokens', { name: 'bench', ...scopes })
  const connect = async (clientId: string, password: string) => {
    const options = { host: '127.0.0.1', port: hub.port, clientId, username: clientId, password }
    const client = await mqtt.connectAsync(options)
    if (client.stream instanceof Socket) client.stream.setNoDelay(true)
    return client
  }
  const keys: { id: string; api_key: string }[] = JSON.parse(await readFile(hub.credentials_file ?? '', 'utf8'))
  const own = await Promise.all(keys.slice(devices).map(({ id, api_key }) => connect(id, api_key)))
  const waiting = new Map<number, () => void>()
  const listener = await connect('listener', secret)
  listener.on('message', (_, payload) => {
    const { alert } = JSON.parse(payload.toString()) as Heard
    if (alert.cleared_at === null) waiting.get(alert.data.values.temperature ?? 0)?.()
  })
  await listener.subscribeAsync(`homes/${defaultHomeId}/alerts`, { qos: 1 })
  let value = 1000
  const once = async (client: MqttClient, id: string) => {
    const mine = value++
    const say = (temperature: number) =>
      client.publishAsync(`devices/${id}/telemetry`, JSON.stringify({ temperature }), { qos: 1 })
    const begun = performance.now()
    const since = () => performance.now() - begun
    const heard = new Promise<void>(resolve => waiting.set(mine, resolve)).then(since)
    const [alert, stored] = await Promise.all([heard, say(mine).then(since)])
    waiting.delete(mine)
    await say(20)
    return { alert, stored }
  }
  return {
    /** Each breaks its rule again only when the last alert of it has been heard. */
    measure: async (seconds: number) => {
      const end = performance.now() + seconds * 1000
      const pauseMs = (1000 * breakers) / breaksPerSecond
      const all = own.map(async (client, i) => {
        const times: Reaction[] = []
        await setTimeout((pauseMs * i) / breakers)
        while (performance.now() < end) {
          const next = setTimeout(pauseMs)
          times.push(await once(client, deviceId(devices + i)))
          await next
        }
        return times
      })
      return (await Promise.all(all)).flat()
    },
    close: async () => {
      asker.close()
      for (const client of [...own, listener]) await client.endAsync(true)
    },
  }
}
