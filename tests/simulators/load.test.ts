import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { type LoadOptions, runLoad } from '../../simulators/load.js'
import { LoadMessages } from '../../simulators/load-messages.js'
import type { LoadReport } from '../../simulators/load-tally.js'
import { type StockBroker, startStockBroker } from './stock-broker.js'

const brokers: StockBroker[] = []
afterEach(async () => {
  for (const broker of brokers.splice(0)) await broker.close()
})

async function startBroker(...args: Parameters<typeof startStockBroker>): Promise<StockBroker> {
  const broker = await startStockBroker(...args)
  brokers.push(broker)
  return broker
}

describe('a load of messages', () => {
  it('keeps every window full, and counts what is acknowledged', async () => {
    const broker = await startBroker()
    const report = await runLoad({ port: broker.port, devices: 5, in_flight: 4, seconds: 0.5 })
    expect(report).toMatchObject({ mode: 'publish', connected: 5, failed: 0, lost: 0, last_error: null })
    expect(report.acknowledged).toBeGreaterThan(100)
    expect(Math.abs(report.acknowledged / report.seconds / report.per_second - 1)).toBeLessThan(0.1)
    expect(report.p50_ms).toBeGreaterThan(0)
    expect(report.p99_ms).toBeGreaterThanOrEqual(report.p50_ms)
    expect(report.max_ms).toBeGreaterThanOrEqual(report.p99_ms)
    expect(broker.heard.length).toBeGreaterThanOrEqual(report.acknowledged)
    expect(broker.heard.length - report.acknowledged).toBeLessThanOrEqual(2 * 5 * 4)
    const topics = new Set(broker.heard.map(({ topic }) => topic))
    expect([...topics].sort()).toEqual([0, 1, 2, 3, 4].map(index => `devices/load-${index}/telemetry`))
    const payloads = broker.on('devices/load-0/telemetry')
    expect(new Set(payloads.map(({ temperature }) => temperature)).size).toBe(payloads.length)
    // Whoever shows two digits of it sees each one move.
    const shown = payloads.map(({ temperature }) => Number(temperature).toFixed(2))
    expect(shown.filter((text, i) => text === shown[i - 1])).toEqual([])
  })

  it('keeps to a rate, and counts from when a message was due', async () => {
    const broker = await startBroker()
    const rate = { devices: 4, in_flight: 2, per_second: 200 }
    const stop = new AbortController()
    const begun = performance.now()
    const running = runLoad({ port: broker.port, ...rate, seconds: 60 }, undefined, stop.signal)
    await vi.waitFor(() => expect(broker.heard.length).toBeGreaterThan(100), 20_000)
    const due = ((performance.now() - begun) / 1000) * rate.per_second + 1
    expect(broker.heard.length).toBeLessThanOrEqual(due)
    stop.abort()
    expect((await running).acknowledged).toBeGreaterThanOrEqual(90)
    // More than the broker can do: what waits is late, though its answer is quick.
    const late = await runLoad({ port: broker.port, ...rate, in_flight: 1, per_second: 100_000, seconds: 1 })
    expect(late.p99_ms).toBeGreaterThan(200)
  })

  it('shows credentials, and publishes where it is told to', async () => {
    const seen = new Set<string>()
    const broker = await startBroker({
      authenticate: (client, username, password, done) => {
        seen.add(`${client.id} ${username} ${password}`)
        done(null, true)
      },
    })
    const credentials = ['a', 'b'].map(id => ({ id, api_key: `hk_${id}_secret` }))
    await runLoad({ port: broker.port, devices: 2, credentials, topic: 'elsewhere/{id}', seconds: 0.1 })
    expect([...seen].sort()).toEqual(['a a hk_a_secret', 'b b hk_b_secret'])
    expect(new Set(broker.heard.map(({ topic }) => topic))).toEqual(new Set(['elsewhere/a', 'elsewhere/b']))
  })

  it('ends when all its connections are lost, and when it is told to', async () => {
    const broker = await startBroker()
    const lost = runLoad({ port: broker.port, devices: 3, seconds: 3600 }, () => broker.cutAll())
    expect(await lost).toMatchObject({ connected: 0, lost: 3 })
    const stop = new AbortController()
    const stopped = runLoad({ port: broker.port, devices: 3, seconds: 3600 }, () => stop.abort(), stop.signal)
    expect(await stopped).toMatchObject({ connected: 3, lost: 0 })
  })

  it('is refused when it makes no sense or nobody lets it in', async () => {
    const refusal = { code: 'invalid_request' }
    const closed = await startBroker({ authenticate: (_client, _user, _password, done) => done(null, false) })
    const options: LoadOptions = { port: closed.port, devices: 3 }
    await expect(runLoad(options)).rejects.toMatchObject({ ...refusal, message: expect.stringContaining('code 5') })
    await expect(runLoad({ ...options, in_flight: 0 })).rejects.toMatchObject(refusal)
    await expect(runLoad({ ...options, credentials: [{ id: 'a' }] })).rejects.toMatchObject(refusal)
  })
})

describe('the messages of a load', () => {
  it('are JSON of the same length, each with other figures', () => {
    for (const values of [1, 3, 12]) {
      const messages = new LoadMessages({ topic: 't', in_flight: 3, values, timed: false })
      const seen = new Set<string>()
      for (let round = 0; round < 1000; round++) {
        messages.renew(2)
        const packet = messages.slice(2, 2)
        const text = packet.subarray(packet.indexOf('{')).toString()
        expect(Object.keys(JSON.parse(text))).toHaveLength(values)
        seen.add(text)
      }
      expect(seen.size).toBe(1000)
    }
  })

  it('bear a time that no other bears, when asked to', () => {
    const messages = new LoadMessages({ topic: 't', in_flight: 2, values: 1, timed: true })
    const stamps = Array.from({ length: 100 }, (_, round) => {
      const id = (round % 2) + 1
      messages.renew(id)
      const packet = messages.slice(id, id)
      return Number(JSON.parse(packet.subarray(packet.indexOf('{')).toString()).ts)
    })
    expect(new Set(stamps).size).toBe(100)
    for (const ts of stamps) expect(ts > Date.now() - 2 * 86_400_000 && ts <= Date.now()).toBe(true)
  })
})

describe('other loads', () => {
  it('holds connections open', async () => {
    const broker = await startBroker()
    const connected: number[] = []
    const onStatus = () => connected.push(broker.aedes.connectedClients)
    const report = await runLoad({ mode: 'idle', port: broker.port, devices: 200, seconds: 1.2 }, onStatus)
    expect(connected).toContain(200)
    expect(report).toMatchObject({ mode: 'idle', connected: 200, acknowledged: 0, lost: 0 })
    expect(report.connects_per_second).toBeGreaterThan(0)
    expect(broker.heard).toEqual([])
  })

  it('connects again and again, no id twice at a time', async () => {
    const broker = await startBroker()
    let clients = 0
    broker.aedes.on('clientReady', () => clients++)
    const report = await runLoad({ mode: 'connect', port: broker.port, devices: 7, connecting: 3, seconds: 0.5 })
    expect(report).toMatchObject({ mode: 'connect', failed: 0, lost: 0, connected: 0 })
    expect(report.acknowledged).toBeGreaterThan(7)
    expect(report.acknowledged).toBe(clients)
    expect(report.connects_per_second).toBe(report.per_second)
  })
})

describe('the load as a process', () => {
  const script = fileURLToPath(new URL('../../simulators/load.js', import.meta.url))

  async function run(argument: string) {
    const child = spawn(process.execPath, [script, argument], { stdio: ['ignore', 'pipe', 'pipe'] })
    const output = { stdout: '', stderr: '' }
    child.stdout.on('data', data => {
      output.stdout += data
    })
    child.stderr.on('data', data => {
      output.stderr += data
    })
    const [code] = await once(child, 'close')
    return { ...output, code }
  }

  it('prints its figures, the last ones alone on standard output', async () => {
    const broker = await startBroker()
    const { stdout, stderr, code } = await run(JSON.stringify({ port: broker.port, devices: 2, seconds: 1.5 }))
    expect(code).toBe(0)
    const report: LoadReport = JSON.parse(stdout)
    expect(report.acknowledged).toBeGreaterThan(0)
    expect(stdout.trim().split('\n')).toHaveLength(1)
    expect(JSON.parse(stderr.split('\n')[0] ?? '')).toMatchObject({ mode: 'publish', connected: 2 })
  })

  it('fails with the reason when it cannot be', async () => {
    for (const argument of ['', 'no json', '{"port":1,"devices":1}']) {
      const { stdout, stderr, code } = await run(argument)
      expect(code).toBe(1)
      expect(stdout).toBe('')
      expect(JSON.parse(stderr)).toMatchObject({ error: 'invalid_request', message: expect.any(String) })
    }
  })
})
