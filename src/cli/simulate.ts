import { Command } from 'commander'
import { parseFaults } from '../../simulators/faults.js'
import { type Credentials, type FleetStatus, simulate } from '../../simulators/fleet.js'
import { modelsOf } from '../../simulators/models.js'
import { connect } from './connection.js'
import { whole } from './numbers.js'
import { isTerminal } from './output.js'

interface Options {
  readonly count: number
  readonly seed: number
  readonly interval: number
  readonly faults?: string
  readonly url?: string
  readonly http?: string
  readonly device?: string
  readonly key?: string
  readonly seconds?: number
  readonly json?: boolean
}

export const simulateCommand = () =>
  new Command('simulate')
    .description(
      'simulate devices on the real wire: thermostat, light, lock, weather, power-meter, microphone, or fleet for some of each',
    )
    .argument('<model>')
    .option('--count <n>', 'how many', whole, 1)
    .option('--seed <n>', 'all that happens by chance follows from it', whole, 1)
    .option('--interval <ms>', 'milliseconds between readings', whole, 5000)
    .option('--faults <list>', 'e.g. drop,duplicate:0.05 of drop, duplicate, delay, wrong_clock, malformed')
    .option('--seconds <n>', 'stop after so long', whole)
    .option('--url <url>', 'another hub, e.g. mqtt://192.0.2.7:1883; then --device and --key say who')
    .option('--http <url>', 'where its API is, for what devices upload, e.g. http://192.0.2.7:8080')
    .option('--device <id>', 'a device that exists')
    .option('--key <api key>', 'its key')
    .option('--json', 'a JSON line for each second')
    .action(run)

async function run(model: string, options: Options): Promise<void> {
  modelsOf(model)
  const faults = options.faults ? parseFaults(options.faults) : undefined
  const { url, http_url, credentials } = await whoAndWhere(model, options)
  const stop = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort())
  const fleet = await simulate(
    {
      url,
      http_url,
      credentials,
      model,
      seed: options.seed,
      interval_ms: options.interval,
      faults,
      on_status: status => show(status, options.json ?? false),
    },
    stop.signal,
  )
  if (options.seconds) setTimeout(() => stop.abort(), options.seconds * 1000)
  if (!stop.signal.aborted) await new Promise(resolve => stop.signal.addEventListener('abort', resolve))
  await fleet.stop()
  if (isTerminal() && !options.json) process.stdout.write('\n')
}

async function whoAndWhere(
  model: string,
  { url, http, device, key, count }: Options,
): Promise<{ url: string; http_url: string | undefined; credentials: Credentials[] }> {
  if (url && device && key) return { url, http_url: http, credentials: [{ id: device, api_key: key }] }
  const { client, mqtt_url, http_url } = await connect()
  if (device && key) return { url: mqtt_url, http_url, credentials: [{ id: device, api_key: key }] }
  const credentials: Credentials[] = []
  for (let i = 1; i <= count; i++) {
    const name = `Simulated ${model} ${i}`
    const made = await client.post<{ device: { id: string }; api_key: string }>('/devices', { name, type: model })
    credentials.push({ id: made.device.id, api_key: made.api_key })
  }
  return { url: mqtt_url, http_url, credentials }
}

function show(status: FleetStatus, json: boolean): void {
  if (json) {
    process.stdout.write(`${JSON.stringify(status)}\n`)
    return
  }
  const ms = (value: number) => `${value.toFixed(1)} ms`
  const line =
    `${status.connected}/${status.devices} connected  ${status.per_second.toFixed(0)} msg/s  ${status.acknowledged} acknowledged  ` +
    `PUBACK p50 ${ms(status.p50_ms)} p99 ${ms(status.p99_ms)} max ${ms(status.max_ms)}${status.last_error ? `  ${status.last_error}` : ''}`
  process.stdout.write(isTerminal() ? `\r\u001b[2K${line}` : `${line}\n`)
}
