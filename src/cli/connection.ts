import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { type Config, loadConfig } from '../../config/config.js'
import { HearthClient } from '../client/client.js'
import { HubError } from '../errors.js'
import { openSigningKey, signAccessToken } from '../people/tokens.js'

const announcement = z.object({ pid: z.number(), host: z.string(), http_port: z.number(), mqtt_port: z.number() })

/** Long enough to watch for a day. */
const tokenSeconds = 86_400

export interface HubConnection {
  readonly config: Config
  readonly client: HearthClient
  readonly access_token: string
  readonly http_url: string
  readonly mqtt_url: string
}

/**
 * Reaches the hub that runs on this machine with this data directory. Whoever can read the directory's signing key is its
 * administrator, so no password is asked.
 * @throws HubError `not_found` when no hub runs here
 */
export async function connect(): Promise<HubConnection> {
  const config = loadConfig()
  const { host, http_port, mqtt_port } = await readAnnouncement(config)
  const access_token = await signAccessToken(
    await openSigningKey(config.data_dir),
    { id: 'command-line', role: 'admin' },
    tokenSeconds,
  )
  const name = host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host.includes(':') ? `[${host}]` : host
  const http_url = `http://${name}:${http_port}`
  const client = new HearthClient({ url: http_url, access_token })
  return { config, client, access_token, http_url, mqtt_url: `mqtt://${name}:${mqtt_port}` }
}

async function readAnnouncement(config: Config) {
  try {
    const found = announcement.parse(JSON.parse(await readFile(join(config.data_dir, 'hub.json'), 'utf8')))
    process.kill(found.pid, 0)
    return found
  } catch (cause) {
    throw new HubError(
      'not_found',
      `No hub is running with the data directory ${config.data_dir}. Start one with: hearth start`,
      [],
      cause,
    )
  }
}
