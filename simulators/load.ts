import { readFileSync, realpathSync } from 'node:fs'
import { pathToFileURL } from 'node:url'
import { z } from 'zod'
import { HubError } from '../src/errors.js'
import { deviceTopic } from '../src/topics.js'
import { parseJson } from './json.js'
import { LoadConnection } from './load-connection.js'
import { LoadPublisher } from './load-publisher.js'
import { type LoadReport, LoadTally } from './load-tally.js'

const credentialsSchema = z.array(z.object({ id: z.string().min(1), api_key: z.string().optional() })).min(1)
type Credentials = z.output<typeof credentialsSchema>
const count = (most: number) => z.int().min(1).max(most)

/** What `node dist/simulators/load.js '<json>'` takes. */
export const loadSchema = z.strictObject({
  mode: z.enum(['publish', 'idle', 'connect']).default('publish').describe('What is measured'),
  host: z.string().default('127.0.0.1'),
  port: z.int().min(1).max(65_535),
  devices: count(100_000).default(100).describe('Connections; with `connect`, how many ids take turns'),
  credentials: credentialsSchema.optional().describe('One for each device; without any, none are shown'),
  credentials_file: z.string().optional().describe('A JSON file of them, for more than an argument can hold'),
  topic: z.string().default(deviceTopic('{id}', 'telemetry')).describe('{id} stands for the client id'),
  in_flight: count(65_535).default(10).describe('Messages without PUBACK, each connection'),
  values: count(100).default(3).describe('Values a message'),
  timed: z.boolean().default(false).describe('Each message bears a time of its own, no two of a device the same'),
  per_second: z
    .number()
    .positive()
    .optional()
    .describe('Messages, all devices together; as many as are acknowledged when unset'),
  seconds: z.number().positive().max(86_400).default(10).describe('Measured, after connecting'),
  connecting: count(1000).default(50).describe('Connections being made at a time'),
})
export type LoadOptions = z.input<typeof loadSchema>
type Load = z.output<typeof loadSchema>

const keepaliveS = 60
const statusMs = 1000
/** How often what is due is sent when there is a rate. */
const paceMs = 2
/** How long connections may take to end at the end. */
const closingMs = 2000
/** The wait after a connection that could not be made, so that a hub that is away is not hammered. */
const retryMs = 50

interface Run {
  readonly load: Load
  readonly credentials: Credentials
  readonly tally: LoadTally
  /** Aborted when the load is to end before its time. */
  readonly over: AbortController
}

const modes: Record<Load['mode'], (run: Run) => Promise<LoadReport>> = {
  publish: publishAll,
  idle: holdAll,
  connect: connectOften,
}

/**
 * Puts a load on a broker and measures it. Settles when the time is over and every connection is closed.
 * @param onStatus gets the live figures each second
 * @param signal ends it early; the report then covers what was measured
 * @throws HubError invalid_request when the options are wrong or no connection at all can be made
 */
export async function runLoad(
  options: LoadOptions,
  onStatus?: (report: LoadReport) => void,
  signal?: AbortSignal,
): Promise<LoadReport> {
  const parsed = loadSchema.safeParse(options)
  if (!parsed.success) throw new HubError('invalid_request', z.prettifyError(parsed.error))
  const load = parsed.data
  const run = { load, credentials: credentialsOf(load), tally: new LoadTally(load.mode), over: new AbortController() }
  const end = () => run.over.abort()
  signal?.addEventListener('abort', end, { once: true })
  if (signal?.aborted) end()
  const ticker = setInterval(() => onStatus?.(run.tally.live()), statusMs)
  try {
    return await modes[load.mode](run)
  } finally {
    clearInterval(ticker)
    signal?.removeEventListener('abort', end)
  }
}

function credentialsOf({ devices, credentials, credentials_file }: Load): Credentials {
  const given = credentials_file === undefined ? credentials : readCredentials(credentials_file)
  if (given === undefined) return Array.from({ length: devices }, (_, index) => ({ id: `load-${index}` }))
  if (given.length >= devices) return given.slice(0, devices)
  throw new HubError('invalid_request', `There are credentials for ${given.length} devices, not for ${devices}.`)
}

/** A file that is not there is the operating system's error to tell, and goes on as it is. */
function readCredentials(path: string): Credentials {
  const parsed = credentialsSchema.safeParse(parseJson(readFileSync(path)))
  if (parsed.success) return parsed.data
  throw new HubError('invalid_request', `${path}: ${z.prettifyError(parsed.error)}`)
}

/**
 * A closed loop: each device keeps its window full, so that a message is sent for every PUBACK. Measured against stock Aedes on 2 cores:
 * with 100 windows of 20 it takes 0.3 of the broker's CPU, with 1000 windows of 1 it takes 0.6, a read and a write for each message.
 */
async function publishAll(run: Run): Promise<LoadReport> {
  const { load, tally, over } = run
  const publishers = run.credentials.map(({ id }) => new LoadPublisher(load, id, tally))
  const connections = await openAll(run, index => ids => publishers[index]?.acknowledged(ids))
  tally.begin()
  for (const [index, connection] of connections) publishers[index]?.begin(connection)
  if (load.per_second === undefined) await pause(load.seconds * 1000, over.signal)
  else
    await pace(
      run,
      [...connections.keys()].map(index => publishers[index]).filter(one => one !== undefined),
    )
  const report = tally.total()
  for (const publisher of publishers) publisher.stop()
  await closeAll(connections.values())
  return report
}

/** A rate: whatever is late is sent late, and its latency counts from when it was due. */
async function pace({ load, over }: Run, publishers: readonly LoadPublisher[]): Promise<void> {
  const { seconds, per_second = 0 } = load
  const begun = performance.now()
  let made = 0
  for (let passed = 0; passed < seconds * 1000 && !over.signal.aborted; passed = performance.now() - begun) {
    const due = (passed / 1000) * per_second
    for (; made < due; made++) publishers[made % publishers.length]?.send(begun + (made * 1000) / per_second)
    await pause(paceMs, over.signal)
  }
}

/** Connections that only stay. */
async function holdAll(run: Run): Promise<LoadReport> {
  const connections = await openAll(run, () => () => undefined)
  run.tally.begin()
  const pings = setInterval(
    () => {
      for (const connection of connections.values()) connection.ping()
    },
    (keepaliveS * 1000) / 2,
  )
  await pause(run.load.seconds * 1000, run.over.signal)
  clearInterval(pings)
  const report = run.tally.total()
  await closeAll(connections.values())
  return report
}

/** Connects and disconnects, again and again. The latency is that from the TCP connection's beginning to the CONNACK. */
async function connectOften(run: Run): Promise<LoadReport> {
  const { load, credentials, tally, over } = run
  const until = performance.now() + load.seconds * 1000
  const lanes = Array.from({ length: Math.min(load.connecting, credentials.length) }, async (_, lane) => {
    // Each lane has ids of its own, so that no connection takes over another.
    for (let turn = lane; performance.now() < until && !over.signal.aborted; turn += load.connecting) {
      if (turn >= credentials.length) turn = lane
      const begun = performance.now()
      const connection = await open(run, turn, () => undefined)
      if (connection === null) {
        await pause(retryMs, over.signal)
        continue
      }
      tally.latencies.record(performance.now() - begun)
      connection.close()
      await connection.ended
    }
  })
  await Promise.all(lanes)
  const report = tally.total()
  return { ...report, connects_per_second: report.per_second }
}

/** Opens every connection, so many at a time; by the number of the device, without those that failed. */
async function openAll(run: Run, acknowledged: (index: number) => (ids: readonly number[]) => void) {
  const { credentials, tally, over, load } = run
  const connections = new Map<number, LoadConnection>()
  const begun = performance.now()
  const waiting = credentials.keys()
  const lanes = Array.from({ length: load.connecting }, async () => {
    for (const index of waiting) {
      if (over.signal.aborted) return
      const connection = await open(run, index, acknowledged(index))
      if (connection !== null) connections.set(index, connection)
      tally.connects_per_second = (connections.size * 1000) / (performance.now() - begun)
    }
  })
  await Promise.all(lanes)
  if (connections.size > 0 || over.signal.aborted) return connections
  throw new HubError('invalid_request', `No connection could be made: ${tally.total().last_error}.`)
}

async function open(run: Run, index: number, acknowledged: (ids: readonly number[]) => void) {
  const { load, tally, over, credentials } = run
  const { id = '', api_key } = credentials[index] ?? {}
  const { host, port } = load
  const connection = new LoadConnection({ host, port, id, password: api_key, keepalive_s: keepaliveS, acknowledged })
  try {
    await connection.opened
  } catch (error) {
    tally.failed++
    tally.note(error)
    return null
  }
  tally.connected++
  void connection.ended.then(error => {
    tally.connected--
    if (connection.closing) return
    tally.lost++
    tally.note(error ?? 'the broker closed the connection')
    if (tally.connected === 0 && load.mode !== 'connect') over.abort()
  })
  return connection
}

async function closeAll(connections: Iterable<LoadConnection>): Promise<void> {
  const all = [...connections]
  for (const connection of all) connection.close()
  const timer = setTimeout(() => {
    for (const connection of all) connection.destroy()
  }, closingMs)
  await Promise.all(all.map(connection => connection.ended))
  clearTimeout(timer)
}

/** Waits so long, or until the signal. */
function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    const end = () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', end)
      resolve()
    }
    const timer = setTimeout(end, ms)
    signal.addEventListener('abort', end)
    if (signal.aborted) end()
  })
}

/** The load as a process of its own: figures each second on standard error, the last on standard output, a line of JSON each. */
async function main(argument: string | undefined): Promise<void> {
  const stop = new AbortController()
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => stop.abort())
  const print = (stream: NodeJS.WriteStream, report: object) => stream.write(`${JSON.stringify(report)}\n`)
  try {
    const options = parseJson(Buffer.from(argument ?? '')) as LoadOptions
    print(process.stdout, await runLoad(options, report => print(process.stderr, report), stop.signal))
  } catch (error) {
    if (!(error instanceof HubError)) throw error
    print(process.stderr, { error: error.code, message: error.message })
    process.exitCode = 1
  }
}

const [, script, argument] = process.argv
if (script !== undefined && import.meta.url === pathToFileURL(realpathSync(script)).href) await main(argument)
