import { afterEach, describe, expect, it, vi } from 'vitest'
import { Device, type DeviceOptions } from '../../simulators/device.js'
import { type Fleet, simulate } from '../../simulators/fleet.js'
import { createLight } from '../../simulators/models/light.js'
import { modelNames } from '../../simulators/models.js'
import { type StockBroker, startStockBroker } from './stock-broker.js'

const open: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close()
})

async function startBroker(...args: Parameters<typeof startStockBroker>): Promise<StockBroker> {
  const broker = await startStockBroker(...args)
  open.push(broker.close)
  return broker
}

function makeDevice(broker: StockBroker, options: Partial<DeviceOptions> = {}): Device {
  const device = new Device({ url: broker.url, id: 'lamp', model: createLight(1), interval_ms: 20, ...options })
  open.push(() => device.stop())
  return device
}

async function startDevice(broker: StockBroker, options: Partial<DeviceOptions> = {}): Promise<Device> {
  const device = makeDevice(broker, options)
  await device.start()
  return device
}

/** Waits until it holds; only a promise that is never kept takes the time. */
const until = (assertion: () => void) => vi.waitFor(assertion, { timeout: 20_000, interval: 10 })

describe('a device', () => {
  it('introduces itself, beats, reports its state and measures', async () => {
    const broker = await startBroker()
    const device = await startDevice(broker)
    await until(() => expect(device.counts.points_acknowledged).toBeGreaterThan(3))
    expect(broker.on('devices/lamp/hello')).toMatchObject([
      { model: 'light', metrics: { power_draw: { unit: 'W', kind: 'gauge' } }, capabilities: { set_power: {} } },
    ])
    expect(broker.on('devices/lamp/state')[0]).toMatchObject({ power: 'off' })
    expect(broker.on('devices/lamp/heartbeat')[0]).toMatchObject({ firmware_version: '3.1.0' })
    const [point] = broker.on('devices/lamp/telemetry')
    expect(point).toEqual({ ts: expect.any(Number), data: { power_draw: expect.any(Number), level: 0 } })
    expect(new Set(broker.heard.map(({ client_id }) => client_id))).toEqual(new Set(['lamp']))
  })

  it('shows its id and key', async () => {
    const seen: unknown[] = []
    const broker = await startBroker({
      authenticate: (client, username, password, done) => {
        seen.push([client.id, username, password?.toString()])
        done(null, true)
      },
    })
    await startDevice(broker, { api_key: 'hk_1_secret' })
    expect(seen).toEqual([['lamp', 'lamp', 'hk_1_secret']])
  })

  it('does not begin with a key that is refused', async () => {
    const broker = await startBroker({ authenticate: (_client, _user, _password, done) => done(null, false) })
    const device = makeDevice(broker, { api_key: 'hk_1_wrong' })
    await expect(device.start()).rejects.toMatchObject({ code: 'unauthorized' })
    await until(() => expect(broker.aedes.connectedClients).toBe(0))
  })

  it('obeys, tells the state before the result, and answers a repeated command without running it again', async () => {
    const broker = await startBroker()
    await startDevice(broker)
    const command = { id: '01', name: 'toggle', params: { transition: 0 } }
    const results = () => broker.on('devices/lamp/commands/result')
    await broker.publish('devices/lamp/commands', command)
    await until(() => expect(results()).toHaveLength(2))
    await broker.publish('devices/lamp/commands', command)
    await until(() => expect(results()).toHaveLength(3))
    expect(results().map(({ status }) => status)).toEqual(['accepted', 'succeeded', 'succeeded'])
    expect(results()[2]).toMatchObject({ id: '01', state: { power: 'on' } })
    expect(broker.on('devices/lamp/state').slice(1)).toEqual([{ power: 'on' }])
    const topics = broker.heard.map(({ topic }) => topic)
    expect(topics.lastIndexOf('devices/lamp/state')).toBeLessThan(topics.lastIndexOf('devices/lamp/commands/result'))
  })

  it('applies a desired state and reports it', async () => {
    const broker = await startBroker()
    await startDevice(broker)
    await broker.publish('devices/lamp/desired', { version: 31, desired: { brightness: 200 } })
    await until(() => expect(broker.on('devices/lamp/state').at(-1)).toMatchObject({ power: 'on', brightness: 200 }))
    expect(broker.on('devices/lamp/commands/result')).toEqual([])
  })

  it('takes the hub’s time for its own', async () => {
    const broker = await startBroker()
    const device = await startDevice(broker)
    const future = Date.UTC(2040, 0, 1)
    await broker.publish('devices/lamp/time', 'no time at all')
    await broker.publish('devices/lamp/time', { now: future, timezone: 'Europe/Paris' })
    await until(() => expect(Number(broker.on('devices/lamp/telemetry').at(-1)?.ts)).toBeGreaterThanOrEqual(future))
    expect(device.now()).toBeGreaterThanOrEqual(future)
  })

  it('comes back after its connection is cut, and loses no point meanwhile', async () => {
    const broker = await startBroker()
    const device = await startDevice(broker, { keep_ledger: true })
    await until(() => expect(device.ledger.length).toBeGreaterThan(3))
    broker.cutAll()
    await until(() => expect(device.connected).toBe(false))
    await until(() => expect(device.met.connects).toBe(2))
    const cutAt = device.ledger.length
    await until(() => expect(device.ledger.length).toBeGreaterThan(cutAt + 5))
    await device.stop()
    const stamps = new Set(device.ledger.map(({ ts }) => ts))
    const heard = broker.on('devices/lamp/telemetry').flatMap(message => (Array.isArray(message) ? message : [message]))
    for (const { ts } of heard) expect(stamps).toContain(ts)
    expect(device.counts).toMatchObject({ points_lost: 0, points_acknowledged: stamps.size })
    expect(broker.on('devices/lamp/hello')).toHaveLength(2)
  })

  it('waits for a hub that is not there yet', async () => {
    const gone = await startStockBroker()
    await gone.close()
    const device = makeDevice(gone)
    const started = device.start()
    await until(() => expect(device.lastError).toContain('ECONNREFUSED'))
    await startBroker({}, gone.port)
    await started
    expect(device.lastError).toBeNull()
  })

  it('stops in good order, and nothing of it stays', async () => {
    const broker = await startBroker({})
    const wills: string[] = []
    const device = await startDevice(broker, { api_key: undefined })
    broker.aedes.on('clientDisconnect', client => wills.push(client.id))
    await until(() => expect(device.counts.acknowledged).toBeGreaterThan(0))
    await Promise.all([device.stop(), device.stop()])
    expect(device.connected).toBe(false)
    await until(() => expect(wills).toEqual(['lamp']))
    const { sent } = device.counts
    await broker.publish('devices/lamp/commands', { id: '1', name: 'toggle' })
    expect(device.counts).toMatchObject({ sent, acknowledged: sent })
    expect(broker.on('devices/lamp/commands/result')).toEqual([])
  })

  it('can be stopped while it waits for its hub', async () => {
    const gone = await startStockBroker()
    await gone.close()
    const device = makeDevice(gone)
    const started = expect(device.start()).rejects.toMatchObject({ code: 'shutting_down' })
    await device.stop()
    await started
  })
})

describe('faults', () => {
  it('happen on the wire: repetitions, wrong clocks, late points, bytes that cannot be read', async () => {
    const broker = await startBroker()
    const faults = { duplicate: 0.3, delay: 0.1, wrong_clock: 0.3, malformed: 0.3 }
    const device = await startDevice(broker, { faults, interval_ms: 5, keep_ledger: true })
    const texts = () =>
      broker.heard.filter(({ topic }) => topic.endsWith('/telemetry')).map(({ payload }) => payload.toString())
    await until(() => expect(texts().length).toBeGreaterThan(200))
    await device.stop()
    const readable = texts().filter(text => text.startsWith('{"ts":') && text.includes('power_draw'))
    expect(texts().length - readable.length).toBeGreaterThan(20)
    expect(new Set(readable).size).toBeLessThan(readable.length - 20)
    const stamps = readable.map(text => Number(JSON.parse(text).ts))
    expect(stamps.some(ts => ts < Date.UTC(2000))).toBe(true)
    expect(stamps.some(ts => ts > Date.now() + 3_600_000)).toBe(true)
    for (const { ts } of device.ledger) expect(ts).toBeGreaterThan(Date.UTC(2020))
    expect(broker.heard.some(({ dup }) => dup)).toBe(true)
  })

  it('cut the connection, and what was on its way is sent again', async () => {
    const broker = await startBroker()
    const device = await startDevice(broker, { faults: { drop: 0.2 }, keep_ledger: true })
    await until(() => expect(device.met.connects).toBeGreaterThan(2))
    await until(() => expect(device.connected).toBe(true))
    await until(() => expect(device.ledger.length).toBeGreaterThan(5))
    await device.stop()
    expect(device.counts.points_lost).toBe(0)
  })
})

describe('a fleet', () => {
  const startFleet = async (options: Parameters<typeof simulate>[0], signal?: AbortSignal): Promise<Fleet> => {
    const fleet = await simulate(options, signal)
    open.push(() => fleet.stop())
    return fleet
  }
  const credentials = Array.from({ length: 45 }, (_, index) => ({
    id: `device-${index}`,
    api_key: `hk_${index}_secret`,
  }))

  it('connects all its devices, of every model, and tells how it is going', async () => {
    const broker = await startBroker()
    const statuses: unknown[] = []
    const on_status = (status: object) => statuses.push(status)
    const fleet = await startFleet({ url: broker.url, credentials, model: 'fleet', interval_ms: 100, on_status })
    expect(fleet.status()).toMatchObject({ devices: 45, connected: 45, last_error: null })
    const greetings = credentials.flatMap(({ id }) => broker.on(`devices/${id}/hello`))
    expect(new Set(greetings.map(({ model }) => model)).size).toBe(modelNames.length)
    await until(() => expect(statuses.at(-1)).toMatchObject({ per_second: expect.any(Number), connected: 45 }))
    await until(() => expect(fleet.status().p99_ms).toBeGreaterThan(0))
    await fleet.stop()
    await until(() => expect(broker.aedes.connectedClients).toBe(0))
  })

  it('is the same for the same seed', async () => {
    const broker = await startBroker()
    const targets = async () => {
      const before = broker.heard.length
      const options = { url: broker.url, credentials: credentials.slice(0, 5), model: 'thermostat', seed: 9 }
      await (await startFleet(options)).stop()
      const states = broker.heard.slice(before).filter(({ topic }) => topic.endsWith('/state'))
      return states.map(({ topic, payload }) => `${topic} ${payload}`).sort()
    }
    const first = await targets()
    expect(first).toHaveLength(5)
    expect(new Set(first.map(text => text.split(' ')[1])).size).toBeGreaterThan(1)
    expect(await targets()).toEqual(first)
  })

  it('stops altogether when one of it is refused', async () => {
    const broker = await startBroker({
      authenticate: (client, _user, _password, done) => done(null, client.id !== 'device-30'),
    })
    const starting = startFleet({ url: broker.url, credentials, model: 'lock' })
    await expect(starting).rejects.toMatchObject({ code: 'unauthorized' })
    await until(() => expect(broker.aedes.connectedClients).toBe(0))
  })

  it('stops when it is told to, also while it waits for its hub', async () => {
    const gone = await startStockBroker()
    await gone.close()
    const stop = new AbortController()
    const starting = startFleet({ url: gone.url, credentials, model: 'light' }, stop.signal)
    stop.abort()
    await expect(starting).rejects.toMatchObject({ code: 'shutting_down' })
  })

  it('is refused for a model or a fault that there is not, and without devices', async () => {
    const options = { url: 'mqtt://127.0.0.1:1', credentials, model: 'light' }
    const refusal = { code: 'invalid_request' }
    await expect(simulate({ ...options, model: 'toaster' })).rejects.toMatchObject(refusal)
    await expect(simulate({ ...options, faults: 'explode' })).rejects.toMatchObject(refusal)
    await expect(simulate({ ...options, credentials: [] })).rejects.toMatchObject(refusal)
  })
})
