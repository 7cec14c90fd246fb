import { Command } from 'commander'
import { renderUnicodeCompact } from 'uqr'
import { claimUri } from '../devices/claims.js'
import type { Device } from '../devices/devices.js'
import { connect } from './connection.js'
import { print, table } from './output.js'

interface Created {
  readonly device: Device
  readonly api_key: string
}

export const deviceCommand = () => {
  const device = new Command('device').description('make, list and delete devices, and renew their keys')
  device
    .command('create')
    .description('make a device and show its API key, this once')
    .argument('<name>', 'what people call it')
    .option('--id <id>', 'lower-case letters, digits, - and _ (made when left out)')
    .option('--type <type>', 'e.g. thermostat', 'device')
    .option('--json', 'as JSON')
    .action(create)
  device.command('list').description('list the devices').option('--json', 'as JSON').action(list)
  device.command('delete').description('delete a device with everything it ever said').argument('<id>').action(remove)
  device
    .command('claim-code')
    .description('make a code that a device exchanges once for a key of its own, as text and as a QR code')
    .option('--home <id>', 'where the device will be', 'home')
    .option('--name <name>', 'what people will call it')
    .option('--json', 'as JSON')
    .action(claimCode)
  device
    .command('rotate-key')
    .description('make a new API key for a device; its older keys go on until revoked')
    .argument('<id>')
    .option('--revoke', 'revoke the older keys at once, which cuts the device off until it has the new one')
    .option('--json', 'as JSON')
    .action(rotateKey)
  return device
}

async function create(
  name: string,
  { id, type, json = false }: { id?: string; type: string; json?: boolean },
): Promise<void> {
  const { client, mqtt_url } = await connect()
  const created = await client.post<Created>('/devices', { name, type, ...(id ? { id } : {}) })
  const { device, api_key } = created
  const port = new URL(mqtt_url).port
  print(created, json, () => [
    `device   ${device.id}`,
    `api key  ${api_key}   (shown this once)`,
    '',
    `mosquitto_pub -p ${port} -i ${device.id} -u ${device.id} -P ${api_key} -q 1 -t devices/${device.id}/telemetry -m '{"temperature":21.5}'`,
  ])
}

async function list({ json = false }: { json?: boolean }): Promise<void> {
  const { client } = await connect()
  const devices: Device[] = []
  let cursor: string | null = ''
  while (cursor !== null) {
    const page: { devices: Device[]; next_cursor: string | null } = await client.get(
      `/devices?limit=1000${cursor ? `&cursor=${cursor}` : ''}`,
    )
    devices.push(...page.devices)
    cursor = page.next_cursor
  }
  const seen = (at: number | null) => (at === null ? 'never' : new Date(at).toISOString())
  const rows = devices.map(one => [one.id, one.name, one.type, one.presence, seen(one.last_seen_at)])
  print({ devices }, json, () => table([['ID', 'NAME', 'TYPE', 'PRESENCE', 'LAST SEEN'], ...rows]))
}

async function remove(id: string): Promise<void> {
  const { client } = await connect()
  await client.delete(`/devices/${encodeURIComponent(id)}`)
}

async function claimCode({ home, name, json = false }: { home: string; name?: string; json?: boolean }): Promise<void> {
  const { client } = await connect()
  const path = `/homes/${encodeURIComponent(home)}/claim-codes`
  const made = await client.post<{ claim: { expires_at: number }; code: string }>(path, name ? { name } : {})
  print(made, json, () => [
    renderUnicodeCompact(claimUri(made.code)),
    '',
    `claim code  ${made.code}   (shown this once, good until ${new Date(made.claim.expires_at).toISOString()})`,
  ])
}

async function rotateKey(
  id: string,
  { revoke = false, json = false }: { revoke?: boolean; json?: boolean },
): Promise<void> {
  const { client } = await connect()
  const path = `/devices/${encodeURIComponent(id)}/keys`
  const older = revoke ? (await client.get<{ keys: { id: string; revoked_at: number | null }[] }>(path)).keys : []
  const created = await client.post<{ api_key: string }>(path)
  for (const key of older) if (key.revoked_at === null) await client.delete(`${path}/${key.id}`)
  print(created, json, () => [`api key  ${created.api_key}   (shown this once)`])
}
