import { createHmac, timingSafeEqual } from 'node:crypto'
import { HubError } from '../errors.js'
import type { SigningKey } from '../people/signing-keys.js'
import type { SignedQuery } from './objects.js'

/** The keys that sign, as `SigningKeys` has them. */
export interface Keys {
  readonly current: SigningKey
  find(kid: string | undefined): SigningKey | undefined
}

interface Signed extends Pick<SignedQuery, 'expires' | 'type' | 'bytes'> {
  readonly method: string
  readonly key: string
}

/** Of a purpose of its own, so that no token is ever a signature here, nor the other way round. */
const signatureOf = ({ secret }: SigningKey, { method, key, expires, type, bytes }: Signed) =>
  createHmac('sha256', secret)
    .update(JSON.stringify(['hearth object', method, key, expires, type, bytes]))
    .digest()

/** The query of an address under which `method` may be used on an object until `expires`. */
export function sign(keys: Keys, signed: Signed): string {
  const { expires, type, bytes } = signed
  const signature = signatureOf(keys.current, signed).toString('base64url')
  const query = { expires: String(expires), type, bytes: String(bytes), kid: keys.current.kid, signature }
  return new URLSearchParams(query).toString()
}

/** @throws HubError `forbidden` when it is not signed so, or no more */
export function verify(keys: Keys, signed: Signed & Pick<SignedQuery, 'kid' | 'signature'>, now: number): void {
  const key = keys.find(signed.kid)
  const given = Buffer.from(signed.signature, 'base64url')
  const wanted = key ? signatureOf(key, signed) : Buffer.alloc(32)
  const isRight = given.length === wanted.length && timingSafeEqual(given, wanted)
  if (!key || !isRight) throw new HubError('forbidden', 'The address is not signed by this hub.')
  if (signed.expires < now) throw new HubError('forbidden', 'The address has ended.')
}
