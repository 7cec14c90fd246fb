import { authenticateClaim, looksLikeClaimCode } from '../devices/claims.js'
import type { KeyRing } from '../devices/key-ring.js'
import { looksLikeKey } from '../devices/keys.js'
import { HubError } from '../errors.js'
import type { Directory } from '../people/directory.js'
import { looksLikeServiceToken } from '../people/service-tokens.js'
import type { DevicePrincipal, Principal } from '../principal.js'
import type { Store } from '../store/store.js'

interface Known {
  readonly store: Store
  readonly directory: Directory
  readonly key_ring: KeyRing
}

/**
 * Who connects by MQTT. A device shows its key as the password, or as the user name alone; a program its token, a device without a key its
 * claim code; people an access token (D5).
 * @throws HubError `unauthorized`, or `forbidden` when it is disabled or has expired
 */
export async function authenticate(
  { store, directory, key_ring }: Known,
  { username, password }: { readonly username: string | null; readonly password: string | null },
): Promise<Principal> {
  const credential = password || (username && looksLikeKey(username) ? username : '')
  if (looksLikeKey(credential)) return deviceOf(key_ring, credential, username)
  if (looksLikeServiceToken(credential)) return directory.authenticateService(credential)
  if (looksLikeClaimCode(credential)) return authenticateClaim(store.db, credential)
  return directory.authenticatePerson(credential)
}

async function deviceOf(key_ring: KeyRing, api_key: string, username: string | null): Promise<DevicePrincipal> {
  const device = await key_ring.authenticate(api_key)
  const named = username === null || username === '' || username === device.id || username === api_key
  if (!named) throw new HubError('unauthorized', 'The key belongs to another device.')
  return device
}

/** The device in whose name a program speaks: as that device, with no key of its own. Null when it is not there or disabled. */
export async function deviceAt(key_ring: KeyRing, home_id: string, device_id: string): Promise<DevicePrincipal | null> {
  const device = await key_ring.device(device_id)
  if (device?.home_id !== home_id || device.status === 'inactive') return null
  return { kind: 'device', id: device.id, num: device.num, home_id, key_id: '', expires_at: null }
}
