import { type Config, loadConfig } from '../../config/config.js'
import { HearthClient } from '../client/client.js'
import { readHubFile } from '../hub-file.js'
import { signOperatorToken } from '../people/access-tokens.js'
import { openSigningKeys } from '../people/signing-keys.js'

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
  const { host, http_port, mqtt_port } = await readHubFile(config.data_dir)
  const access_token = await signOperatorToken((await openSigningKeys(config.data_dir)).current)
  const name = reachable(host)
  const http_url = `http://${name}:${http_port}`
  const client = new HearthClient({ url: http_url, access_token })
  return { config, client, access_token, http_url, mqtt_url: `mqtt://${name}:${mqtt_port}` }
}

/** The address to use for a hub on this machine that listens on `host`, as it stands in a URL. */
export function reachable(host: string): string {
  if (host === '0.0.0.0' || host === '::') return '127.0.0.1'
  return host.includes(':') ? `[${host}]` : host
}
