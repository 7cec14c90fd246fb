import { Command, InvalidArgumentError } from 'commander'
import type { Command as DeviceCommand } from '../commands/rows.js'
import { isObject, type JsonObject } from '../json.js'
import { connect } from './connection.js'
import { numberIn } from './numbers.js'
import { print, printable } from './output.js'

export const sendCommand = () =>
  new Command('send')
    .description('send a command to a device and wait for what becomes of it')
    .argument('<device>', 'its id')
    .argument('<command>', 'e.g. set_power')
    .argument('[params]', 'a JSON object', parseParams, {})
    .option('--wait <seconds>', 'how long to wait for the end, 0 to 60', numberIn(0, 60), 10)
    .option('--ttl <seconds>', 'how long the command may wait for the device', numberIn(1, 30 * 86_400), 60)
    .option('--json', 'as JSON')
    .action(send)

function parseParams(text: string): JsonObject {
  try {
    const value: unknown = JSON.parse(text)
    if (isObject(value)) return value
  } catch (error) {
    throw new InvalidArgumentError(`It is not JSON: ${error instanceof Error ? error.message : String(error)}`)
  }
  throw new InvalidArgumentError('It must be a JSON object.')
}

interface Options {
  readonly wait: number
  readonly ttl: number
  readonly json?: boolean
}

function more({ status, error, result, expires_at }: DeviceCommand): string {
  if (error) return `  ${printable(error.message.trim().replaceAll(/\s+/g, ' '))}`
  if (status === 'queued')
    return `  the device is not listening; it is sent when it does, until ${new Date(expires_at).toISOString()}`
  return result === null ? '' : `  ${printable(JSON.stringify(result))}`
}

async function send(
  device: string,
  name: string,
  params: JsonObject,
  { wait, ttl, json = false }: Options,
): Promise<void> {
  const { client } = await connect()
  const query = wait > 0 ? `?wait=${wait}` : ''
  const { command } = await client.post<{ command: DeviceCommand }>(
    `/devices/${encodeURIComponent(device)}/commands${query}`,
    {
      name,
      params,
      ttl_seconds: ttl,
    },
  )
  print({ command }, json, () => [`${command.id}  ${command.status}${more(command)}`])
  if (['failed', 'rejected', 'expired', 'unknown'].includes(command.status)) process.exitCode = 1
}
