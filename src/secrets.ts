import { createHash, randomBytes } from 'node:crypto'
import { newId } from './ids.js'

const secretBytes = 20

/** A secret that is shown once: `hk_<id>_<27 characters>`. The id finds the row, the hash of the rest proves it. */
export function newSecret(prefix: 'hk' | 'hs'): { readonly id: string; readonly hash: Buffer; readonly text: string } {
  const id = newId()
  const secret = randomBytes(secretBytes).toString('base64url')
  return { id, hash: hashOf(secret), text: `${prefix}_${id}_${secret}` }
}

/** Takes a secret apart. What is none gives an id and a hash that nothing has. */
export function parseSecret(text: string): { readonly id: string; readonly hash: Buffer } {
  const [, id = '', secret = ''] = /^h[ks]_([a-z0-9]{12})_([A-Za-z0-9_-]{27})$/.exec(text) ?? []
  return { id, hash: hashOf(secret) }
}

/** A hash without salt or stretching is enough for a secret of 160 random bits. */
export const hashOf = (secret: string): Buffer => createHash('sha256').update(secret).digest()
