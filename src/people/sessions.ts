import { createHash, randomBytes } from 'node:crypto'
import { HubError } from '../errors.js'
import { newId } from '../ids.js'
import { inTransaction } from '../store/in-transaction.js'
import { prepare } from '../store/prepare.js'
import type { Db } from '../store/store.js'
import { accessSeconds, signAccessToken } from './access-tokens.js'
import type { SigningKeys } from './signing-keys.js'
import { getUser, type Known, type User, wrongPassword } from './users.js'

const refreshMs = 30 * 86_400_000

export interface Tokens {
  readonly access_token: string
  readonly refresh_token: string
  /** Seconds until the access token ends. */
  readonly expires_in: number
}

/** A login and all refresh tokens that descend from it are one session. */
export interface Session {
  readonly session_id: string
  readonly user_id: string
}

/** A link that signs in is good once, and so long. */
const linkMs = 15 * 60_000

const digest = (token: string) => createHash('sha256').update(token).digest()

/**
 * Begins a session: a short access token, and a refresh token that may be used once. To be called in a transaction: the password that was
 * looked at may have been changed since.
 * @throws HubError `unauthorized` when it was
 */
export async function logIn(db: Db, keys: SigningKeys, known: Known): Promise<Tokens> {
  if ((await tokenVersion(db, known.id)) !== known.token_version) throw wrongPassword()
  return issueTokens(db, keys, known.id, newId())
}

async function tokenVersion(db: Db, id: string): Promise<number | undefined> {
  const row = await db.selectFrom('users').select('token_version').where('id', '=', id).executeTakeFirst()
  return row?.token_version
}

async function issueTokens(db: Db, keys: SigningKeys, user_id: string, family_id: string): Promise<Tokens> {
  const refresh_token = newToken()
  await keepToken(db, { refresh_token, user_id, family_id, ms: refreshMs })
  const who = { user_id, session_id: family_id, token_version: (await tokenVersion(db, user_id)) ?? 0 }
  return { access_token: await signAccessToken(keys.current, who), refresh_token, expires_in: accessSeconds }
}

const newToken = () => randomBytes(32).toString('base64url')

async function keepToken(
  db: Db,
  { refresh_token, ms, ...whose }: { refresh_token: string; user_id: string; family_id: string; ms: number },
): Promise<void> {
  const now = Date.now()
  await db
    .insertInto('refresh_tokens')
    .values({ hash: digest(refresh_token), ...whose, created_at: now, expires_at: now + ms })
    .execute()
}

/**
 * A refresh token for a link: whoever exchanges it first, within 15 minutes, is signed in as this person. It begins with `link.`, as no
 * other does, so that nobody can send people a link into a session of his own.
 */
export async function linkToken(db: Db, user_id: string): Promise<string> {
  const refresh_token = `link.${newToken()}`
  await keepToken(db, { refresh_token, user_id, family_id: newId(), ms: linkMs })
  return refresh_token
}

const notRefreshable = () => new HubError('unauthorized', 'The refresh token is not valid.')

/** A refresh token that was shown a second time: it was copied, and its session has ended. */
export class ReusedToken extends HubError {
  readonly session: Session

  constructor(session: Session) {
    super('unauthorized', notRefreshable().message)
    this.session = session
  }
}

/**
 * Exchanges a refresh token for new tokens, in one transaction: a session that is ended meanwhile is either ended before, or with the new
 * tokens in it.
 * @throws ReusedToken, which ends the session it belongs to, or HubError `unauthorized`
 */
export async function refresh(db: Db, keys: SigningKeys, refresh_token: string): Promise<Tokens & { user: User }> {
  const outcome = await inTransaction(db, async tx => {
    const spent = await spend(tx, refresh_token)
    if (!spent) return { ended: await logOut(tx, refresh_token) }
    const user = await getUser(tx, spent.user_id)
    if (user.status !== 'active') return {}
    return { given: { ...(await issueTokens(tx, keys, user.id, spent.family_id)), user } }
  })
  if (outcome.given) return outcome.given
  throw outcome.ended ? new ReusedToken(outcome.ended) : notRefreshable()
}

const spend = (db: Db, refresh_token: string) => {
  const now = Date.now()
  return db
    .updateTable('refresh_tokens')
    .set({ used_at: now })
    .where('hash', '=', digest(refresh_token))
    .where('used_at', 'is', null)
    .where('expires_at', '>', now)
    .returning(['user_id', 'family_id'])
    .executeTakeFirst()
}

/** Ends the session a refresh token belongs to. @returns it; undefined when the token is unknown, and then nothing has changed */
export async function logOut(db: Db, refresh_token: string): Promise<Session | undefined> {
  const found = await db
    .selectFrom('refresh_tokens')
    .select(['family_id as session_id', 'user_id'])
    .where('hash', '=', digest(refresh_token))
    .executeTakeFirst()
  if (found) await db.deleteFrom('refresh_tokens').where('family_id', '=', found.session_id).execute()
  return found
}

/** Ends every session of a person, but for one that may go on. */
export async function endSessions(db: Db, user_id: string, but: string | null = null): Promise<void> {
  await db
    .deleteFrom('refresh_tokens')
    .where('user_id', '=', user_id)
    .where('family_id', '!=', but ?? '')
    .execute()
}

const findSession = prepare((db, { session_id }: { session_id: string }) =>
  db.selectFrom('refresh_tokens').select('user_id').where('family_id', '=', session_id).limit(1),
)

/** Whose session this is; null when it has ended. */
export const sessionOwner = async (db: Db, session_id: string): Promise<string | null> =>
  (await findSession(db, { session_id }))[0]?.user_id ?? null

export async function trimRefreshTokens(db: Db, now: number): Promise<void> {
  await db.deleteFrom('refresh_tokens').where('expires_at', '<', now).execute()
}
