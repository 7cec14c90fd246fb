import { createHash, randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { link, mkdir, readFile, unlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { errors, jwtVerify, SignJWT } from 'jose'
import { z } from 'zod'
import { HubError } from '../errors.js'
import { newId } from '../ids.js'
import type { PersonPrincipal } from '../principal.js'
import type { Db } from '../store/store.js'
import { getUser, type User } from './users.js'

const issuer = 'hearth'
const audience = 'hearth'
const algorithm = 'HS256'
const accessSeconds = 15 * 60
const refreshMs = 30 * 86_400_000

export interface Tokens {
  readonly access_token: string
  readonly refresh_token: string
  /** Seconds until the access token ends. */
  readonly expires_in: number
}

const claims = z.object({ sub: z.string(), role: z.enum(['admin', 'staff', 'user']), exp: z.number() })
const keyFile = z.object({ kid: z.string(), secret: z.base64url() })

export interface SigningKey {
  readonly kid: string
  readonly secret: Uint8Array
}

/** Reads the signing key from the data directory, or makes it there, readable by its owner alone. */
export async function openSigningKey(data_dir: string): Promise<SigningKey> {
  const path = join(data_dir, 'signing-key.json')
  await mkdir(data_dir, { recursive: true, mode: 0o700 })
  if (!existsSync(path)) await makeSigningKey(path)
  const { kid, secret } = keyFile.parse(JSON.parse(await readFile(path, 'utf8')))
  return { kid, secret: Buffer.from(secret, 'base64url') }
}

/** Written whole beside its place and then linked there: a crash leaves no half a key, and of two makers the first wins. */
async function makeSigningKey(path: string): Promise<void> {
  const kid = newId()
  const draft = `${path}.${kid}`
  await writeFile(draft, JSON.stringify({ kid, secret: randomBytes(32).toString('base64url') }), { mode: 0o600 })
  await link(draft, path).catch(error => {
    if (error.code !== 'EEXIST') throw error
  })
  await unlink(draft)
}

const digest = (token: string) => createHash('sha256').update(token).digest()

/** Begins a session: a short access token, and a refresh token that may be used once. */
export const logIn = (db: Db, key: SigningKey, user: User): Promise<Tokens> => issueTokens(db, key, user, newId())

async function issueTokens(db: Db, key: SigningKey, user: User, family_id: string): Promise<Tokens> {
  const now = Date.now()
  const refresh_token = randomBytes(32).toString('base64url')
  await db
    .insertInto('refresh_tokens')
    .values({ hash: digest(refresh_token), user_id: user.id, family_id, created_at: now, expires_at: now + refreshMs })
    .execute()
  return { access_token: await signAccessToken(key, user), refresh_token, expires_in: accessSeconds }
}

/** A token that says who somebody is, for 15 minutes unless told otherwise. */
export function signAccessToken(
  key: SigningKey,
  { id, role }: Pick<User, 'id' | 'role'>,
  seconds = accessSeconds,
): Promise<string> {
  const now = Math.floor(Date.now() / 1000)
  return new SignJWT({ role })
    .setProtectedHeader({ alg: algorithm, kid: key.kid })
    .setSubject(id)
    .setIssuer(issuer)
    .setAudience(audience)
    .setIssuedAt(now)
    .setExpirationTime(now + seconds)
    .sign(key.secret)
}

/**
 * Exchanges a refresh token for new tokens. One that was used before was copied: its whole family ends.
 * @throws HubError `unauthorized`
 */
export async function refresh(db: Db, key: SigningKey, refresh_token: string): Promise<Tokens & { user: User }> {
  const now = Date.now()
  const hash = digest(refresh_token)
  const spent = await db
    .updateTable('refresh_tokens')
    .set({ used_at: now })
    .where('hash', '=', hash)
    .where('used_at', 'is', null)
    .where('expires_at', '>', now)
    .returningAll()
    .executeTakeFirst()
  if (!spent) {
    await endFamily(db, hash)
    throw new HubError('unauthorized', 'The refresh token is not valid.')
  }
  const user = await getUser(db, spent.user_id)
  if (user.status !== 'active') throw new HubError('unauthorized', 'The refresh token is not valid.')
  return { ...(await issueTokens(db, key, user, spent.family_id)), user }
}

/** Ends the session a refresh token belongs to. An unknown token changes nothing. */
export const logOut = (db: Db, refresh_token: string): Promise<void> => endFamily(db, digest(refresh_token))

async function endFamily(db: Db, hash: Buffer): Promise<void> {
  await db
    .deleteFrom('refresh_tokens')
    .where('family_id', 'in', db.selectFrom('refresh_tokens').select('family_id').where('hash', '=', hash))
    .execute()
}

/** @throws HubError `unauthorized` when the token is not ours, not valid now, or signed by anything but our key and algorithm */
export async function authenticateToken(key: SigningKey, access_token: string): Promise<PersonPrincipal> {
  if (access_token.length > 4096) throw new HubError('unauthorized', 'The access token is not valid.')
  try {
    const { payload } = await jwtVerify(access_token, key.secret, {
      algorithms: [algorithm],
      issuer,
      audience,
      requiredClaims: ['exp'],
    })
    const { sub, role, exp } = claims.parse(payload)
    return { kind: 'person', id: sub, role, homes: [], expires_at: exp * 1000 }
  } catch (error) {
    if (!(error instanceof errors.JOSEError || error instanceof z.ZodError)) throw error
    const expired = error instanceof errors.JWTExpired
    throw new HubError('unauthorized', `The access token ${expired ? 'has expired' : 'is not valid'}.`, [], error)
  }
}

export async function trimRefreshTokens(db: Db, now: number): Promise<void> {
  await db.deleteFrom('refresh_tokens').where('expires_at', '<', now).execute()
}
