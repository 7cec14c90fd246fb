import { Command, InvalidArgumentError } from 'commander'
import type { Command as DeviceCommand } from '../commands/rows.js'
import { isObject, type JsonObject } from '../json.js'
import { connect } from './connection.js'
import { print } from './output.js'

export const sendCommand = () =>
  new Command('send')
    .description('send a command to a device and wait for what becomes of it')
    .argument('<device>', 'its id')
    .argument('<command>', 'e.g. set_power')
    .argument('[params]', 'a JSON object', parseParams, {})
    .option('--wait <seconds>', 'how long to wait for the end, 0 to 60', Number, 10)
    .option('--ttl <seconds>', 'how long the command may wait for the device', Number, 60)
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
  const more = command.error
    ? `  ${command.error.message}`
    : command.result === null
      ? ''
      : `  ${JSON.stringify(command.result)}`
  print({ command }, json, () => [`${command.id}  ${command.status}${more}`])
  if (['failed', 'rejected', 'expired', 'unknown'].includes(command.status)) process.exitCode = 1
}
