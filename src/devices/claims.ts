import { randomInt } from 'node:crypto'
import type { Selectable } from 'kysely'
import { HubError, notFound } from '../errors.js'
import { newId } from '../ids.js'
import type { ClaimPrincipal } from '../principal.js'
import { hashOf } from '../secrets.js'
import { prepare } from '../store/prepare.js'
import type { Db } from '../store/store.js'
import type { Tables } from '../store/tables.js'
import { createDevice, type Device } from './devices.js'
import { createKey } from './keys.js'

/** A claim code as the API shows it: never the code itself, which is shown once. */
export type Claim = Omit<Selectable<Tables['claim_codes']>, 'hash'>

/** Crockford's base 32: no I, L, O and U, so that what is read aloud or typed is not mistaken. */
const alphabet = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'
const pattern = /^[0-9A-HJKMNP-TV-Z]{12}$/
/** Codes of one home that wait at a time. */
const maxOpen = 1000

/** 60 random bits as `7K3M-Q9TX-2HPW`. */
function newCode(): string {
  const letters = Array.from({ length: 12 }, () => alphabet[randomInt(alphabet.length)]).join('')
  return letters.replace(/(....)(?=.)/g, '$1-')
}

/** As it was made, whatever a person wrote: lower case, without hyphens, O for 0, I and L for 1. */
const normalized = (code: string) =>
  code.toUpperCase().replaceAll(/[\s-]/g, '').replaceAll('O', '0').replaceAll(/[IL]/g, '1')

export const looksLikeClaimCode = (text: string) => text.length <= 32 && pattern.test(normalized(text))

/** What a QR code of it holds: text that a phone shows as it is. */
export const claimUri = (code: string) => `hearth:${code}`

const hashOfCode = (code: string) => hashOf(normalized(code))

export type NewClaim = Pick<Claim, 'home_id' | 'room_id' | 'type' | 'name' | 'created_by' | 'expires_at'>

/** Makes a code that a device may exchange once for a key of its own. @throws HubError `conflict` when 1000 are waiting */
export async function createClaim(db: Db, wanted: NewClaim): Promise<{ claim: Claim; code: string }> {
  const open = await openClaims(db, wanted.home_id)
  if (open.length >= maxOpen) throw new HubError('conflict', `${maxOpen} claim codes of this home are waiting already.`)
  const code = newCode()
  const claim = { id: newId(), ...wanted, created_at: Date.now(), used_at: null, device_id: null }
  await db
    .insertInto('claim_codes')
    .values({ ...claim, hash: hashOfCode(code) })
    .execute()
  return { claim, code }
}

const shown = (db: Db) =>
  db
    .selectFrom('claim_codes')
    .select([
      'id',
      'home_id',
      'room_id',
      'type',
      'name',
      'created_by',
      'created_at',
      'expires_at',
      'used_at',
      'device_id',
    ])

/** The codes of a home that may still be used. */
export const openClaims = (db: Db, home_id: string): Promise<Claim[]> =>
  shown(db)
    .where('home_id', '=', home_id)
    .where('used_at', 'is', null)
    .where('expires_at', '>', Date.now())
    .orderBy('created_at')
    .execute()

/** @throws HubError `not_found` */
export async function getClaim(db: Db, id: string): Promise<Claim> {
  const claim = await shown(db).where('id', '=', id).executeTakeFirst()
  if (!claim) throw notFound('claim code')
  return claim
}

/** Takes back a code that no device has used. @throws HubError `not_found`, `conflict` when one has */
export async function deleteClaim(db: Db, id: string): Promise<void> {
  const { numDeletedRows } = await db
    .deleteFrom('claim_codes')
    .where('id', '=', id)
    .where('used_at', 'is', null)
    .executeTakeFirstOrThrow()
  if (numDeletedRows > 0n) return
  const { device_id } = await getClaim(db, id)
  throw new HubError('conflict', `The claim code was used already, by the device ${device_id}.`)
}

export async function trimClaims(db: Db, before: number): Promise<void> {
  await db.deleteFrom('claim_codes').where('expires_at', '<', before).execute()
}

const findOpen = prepare((db, { hash, now }: { hash: Buffer; now: number }) =>
  db
    .selectFrom('claim_codes')
    .select(['id', 'home_id', 'expires_at'])
    .where('hash', '=', hash)
    .where('used_at', 'is', null)
    .where('expires_at', '>', now),
)

const notValid = () => new HubError('unauthorized', 'The claim code is not valid, was used already, or has expired.')

/** @throws HubError `unauthorized` */
export async function authenticateClaim(db: Db, code: string): Promise<ClaimPrincipal> {
  const [row] = await findOpen(db, { hash: hashOfCode(code), now: Date.now() })
  if (!row) throw notValid()
  return { kind: 'claim', ...row }
}

/**
 * Exchanges a code for a device with a key. What the owner said of it when making the code stands before what the device says.
 * To be called in a transaction.
 * @throws HubError `unauthorized` when somebody was faster
 */
export async function redeemClaim(
  db: Db,
  claim_id: string,
  said: { name?: string | undefined; type?: string | undefined },
): Promise<{ device: Device; api_key: string }> {
  const now = Date.now()
  const claim = await db
    .updateTable('claim_codes')
    .set({ used_at: now })
    .where('id', '=', claim_id)
    .where('used_at', 'is', null)
    .where('expires_at', '>', now)
    .returning(['home_id', 'room_id', 'type', 'name'])
    .executeTakeFirst()
  if (!claim) throw notValid()
  const { home_id, room_id } = claim
  const type = claim.type ?? said.type ?? 'device'
  const device = await createDevice(db, { name: claim.name ?? said.name ?? type, type, home_id, room_id })
  await db.updateTable('claim_codes').set({ device_id: device.id }).where('id', '=', claim_id).execute()
  return { device, api_key: (await createKey(db, device.id)).api_key }
}
