import { Cache } from '../cache.js'
import { HubError } from '../errors.js'
import type { DevicePrincipal } from '../principal.js'
import { parseSecret } from '../secrets.js'
import { prepare } from '../store/prepare.js'
import type { Db } from '../store/store.js'
import type { Uses } from '../uses.js'
import { findKey, type KnownKey } from './keys.js'

/** What is asked of a device so often that it is kept. */
export interface KnownDevice {
  readonly id: string
  readonly num: number
  readonly home_id: string
  readonly status: 'active' | 'inactive' | 'maintenance'
}

const most = 200_000

/**
 * Which device a key belongs to, kept in memory: a device that comes back costs no query. Whoever changes a key or a device says so here
 * after the commit.
 */
export class KeyRing {
  readonly #db: Db
  readonly #uses: Uses
  readonly #keys = new Cache<KnownKey>(most)
  readonly #devices = new Cache<KnownDevice | null>(most)
  /** Where in the cache a key is, of those that were right. */
  readonly #places = new Map<string, string>()

  constructor(db: Db, uses: Uses) {
    this.#db = db
    this.#uses = uses
  }

  /**
   * Finds the device that a key belongs to. The key alone decides. A wrong key is never known here, so what time tells of it is what
   * the database tells (keys.ts).
   * @throws HubError `unauthorized` for a key that is wrong or revoked, `forbidden` for one that has expired or whose device is inactive
   */
  async authenticate(api_key: string): Promise<DevicePrincipal> {
    const { id: key_id, hash } = parseSecret(api_key)
    const place = `${key_id} ${hash.toString('base64')}`
    const { device_id, expires_at } = await this.#keys.get(place, () => findKey(this.#db, key_id, hash))
    this.#places.set(key_id, place)
    const device = await this.device(device_id)
    if (!device) throw new HubError('unauthorized', 'The API key is not valid.')
    if (expires_at !== null && expires_at <= Date.now()) throw new HubError('forbidden', 'The API key has expired.')
    if (device.status === 'inactive') throw new HubError('forbidden', 'The device is inactive.')
    this.#uses.count(key_id)
    return { kind: 'device', id: device.id, num: device.num, home_id: device.home_id, key_id, expires_at }
  }

  /** What is known of a device; null when there is none. */
  device(id: string): Promise<KnownDevice | null> {
    return this.#devices.get(id, async () => (await findDevice(this.#db, { id }))[0] ?? null)
  }

  /** A key was revoked. */
  forgetKey(key_id: string): void {
    const place = this.#places.get(key_id)
    this.#places.delete(key_id)
    if (place !== undefined) this.#keys.forget(place)
    // One that is just being looked up for the first time has no place yet.
    else this.#keys.clear()
  }

  /** A device was made, changed, moved or deleted. */
  forgetDevice(device_id: string): void {
    this.#devices.forget(device_id)
  }

  /** A device was deleted with its keys. One of the same id is another device. */
  forgetKeys(): void {
    this.#places.clear()
    this.#keys.clear()
  }
}

const findDevice = prepare((db, { id }: { id: string }) =>
  db.selectFrom('devices').select(['id', 'num', 'home_id', 'status']).where('id', '=', id),
)
