import { createHash, randomBytes } from 'node:crypto'
import { HubError, notFound } from '../errors.js'
import { newSortableId } from '../ids.js'
import { decodeCursor, type Page, type PageRequest } from '../page.js'
import { inTransaction } from '../store/in-transaction.js'
import { readPage } from '../store/pages.js'
import { prepare } from '../store/prepare.js'
import type { Db } from '../store/store.js'
import { accessSeconds, signAccessToken } from './access-tokens.js'
import type { SigningKeys } from './signing-keys.js'
import { getUser, type Known, type User, wrongPassword } from './users.js'

const refreshMs = 30 * 86_400_000
/** How long a spent refresh token is answered again, in milliseconds: the answer may have been lost, or two tabs have asked at once. */
const graceMs = 30_000

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
/** The generation of a session that nobody is in yet: its link has not been followed. */
const ofLink = -1

/** From where somebody asks, and by which program, as far as it says. */
export interface Origin {
  readonly address: string | null
  readonly user_agent: string | null
}

const nowhere: Origin = { address: null, user_agent: null }

const digest = (token: string) => createHash('sha256').update(token).digest()

/**
 * Begins a session: a short access token, and a refresh token that may be used once. To be called in a transaction: the password that was
 * looked at may have been changed since.
 * @throws HubError `unauthorized` when it was
 */
export const logIn = (db: Db, keys: SigningKeys, known: Known, origin = nowhere): Promise<Tokens> =>
  inTransaction(db, async tx => {
    if ((await tokenVersion(tx, known.id)) !== known.token_version) throw wrongPassword()
    const generation = 0
    const session_id = await begin(tx, { user_id: known.id, generation, ...origin })
    return issueTokens(tx, keys, { session_id, user_id: known.id, generation })
  })

async function begin(db: Db, session: Origin & { user_id: string; generation: number }): Promise<string> {
  const [id, now] = [newSortableId(), Date.now()]
  await db
    .insertInto('sessions')
    .values({ id, created_at: now, last_used_at: now, ...session })
    .execute()
  return id
}

/**
 * A refresh token for a link: whoever exchanges it first, within 15 minutes, is signed in as this person; when it is shown again that session ends. It begins
 * with `link.`, as no other does, so that nobody can send people a link into a session of his own.
 */
export const linkToken = (db: Db, user_id: string): Promise<string> =>
  inTransaction(db, async tx => {
    const session_id = await begin(tx, { user_id, generation: ofLink, ...nowhere })
    return keepToken(tx, { token: `link.${newToken()}`, session_id, generation: ofLink, ms: linkMs })
  })

async function tokenVersion(db: Db, id: string): Promise<number | undefined> {
  const row = await db.selectFrom('users').select('token_version').where('id', '=', id).executeTakeFirst()
  return row?.token_version
}

/** Tokens of the generation that the session has come to. */
async function issueTokens(
  db: Db,
  keys: SigningKeys,
  { session_id, user_id, generation }: Session & { readonly generation: number },
): Promise<Tokens> {
  const refresh_token = await keepToken(db, { token: newToken(), session_id, generation, ms: refreshMs })
  const who = { user_id, session_id, token_version: (await tokenVersion(db, user_id)) ?? 0 }
  return { access_token: await signAccessToken(keys.current, who), refresh_token, expires_in: accessSeconds }
}

const newToken = () => randomBytes(32).toString('base64url')

interface NewToken {
  readonly token: string
  readonly session_id: string
  readonly generation: number
  /** How long it is good for. */
  readonly ms: number
}

async function keepToken(db: Db, { token, session_id, generation, ms }: NewToken): Promise<string> {
  await db
    .insertInto('refresh_tokens')
    .values({ hash: digest(token), session_id, generation, expires_at: Date.now() + ms })
    .execute()
  return token
}

const notRefreshable = () => new HubError('unauthorized', 'The refresh token is not valid.')

/** A refresh token that was shown again when it was spent for good: it was copied, and its session has ended. */
export class ReusedToken extends HubError {
  readonly session: Session

  constructor(session: Session) {
    super('unauthorized', notRefreshable().message)
    this.session = session
  }
}

/**
 * Exchanges a refresh token for new tokens, in one transaction: a session that is ended meanwhile is either ended before, or with the new
 * tokens in it. A token that was spent less than half a minute ago is answered again, unless one that it was exchanged for is spent too:
 * of several who hold tokens of one session, whoever comes half a minute after another is found out.
 * @throws ReusedToken, which ends the session it belongs to, or HubError `unauthorized`
 */
export async function refresh(
  db: Db,
  keys: SigningKeys,
  refresh_token: string,
  origin = nowhere,
): Promise<Tokens & { user: User }> {
  const outcome = await inTransaction(db, async tx => {
    const shown = await findToken(tx, refresh_token)
    const now = Date.now()
    const turn = shown && turnOf(shown, now)
    if (!shown || turn === 'over') return {}
    const { session_id, user_id } = shown
    if (turn === 'reused') return { ended: await endSession(tx, shown) }
    const user = await getUser(tx, user_id)
    if (user.status !== 'active') return {}
    const generation = turn === 'next' ? nextTo(shown.newest) : shown.newest
    if (turn === 'next')
      await tx
        .updateTable('sessions')
        .set({ generation, last_used_at: now, ...origin })
        .where('id', '=', session_id)
        .execute()
    return { given: { ...(await issueTokens(tx, keys, { session_id, user_id, generation })), user } }
  })
  if (outcome.given) return outcome.given
  throw outcome.ended ? new ReusedToken(outcome.ended) : notRefreshable()
}

const findToken = (db: Db, refresh_token: string) =>
  db
    .selectFrom('refresh_tokens')
    .innerJoin('sessions', 'sessions.id', 'refresh_tokens.session_id')
    .select(['session_id', 'user_id', 'expires_at', 'last_used_at'])
    .select(['refresh_tokens.generation as own', 'sessions.generation as newest'])
    .where('hash', '=', digest(refresh_token))
    .executeTakeFirst()

/** A link is not answered again: it is two generations behind at once. */
const nextTo = (generation: number) => (generation === ofLink ? ofLink + 2 : generation + 1)

type Shown = NonNullable<Awaited<ReturnType<typeof findToken>>>

/** What a refresh token is good for: the next tokens, the present ones again, or nothing. */
function turnOf({ own, newest, expires_at, last_used_at }: Shown, now: number): 'next' | 'again' | 'reused' | 'over' {
  if (own === newest) return expires_at > now ? 'next' : 'over'
  return own === newest - 1 && now - last_used_at <= graceMs ? 'again' : 'reused'
}

/** Ends the session a refresh token belongs to. @returns it; undefined when the token is unknown, and then nothing has changed */
export const logOut = (db: Db, refresh_token: string): Promise<Session | undefined> =>
  inTransaction(db, async tx => {
    const shown = await findToken(tx, refresh_token)
    return shown && endSession(tx, shown)
  })

async function endSession(db: Db, { session_id, user_id }: Session): Promise<Session> {
  await db.deleteFrom('sessions').where('id', '=', session_id).execute()
  return { session_id, user_id }
}

/** @throws HubError `not_found` when the person has no such session */
export async function endOwnSession(db: Db, { session_id, user_id }: Session): Promise<void> {
  const { numDeletedRows } = await db
    .deleteFrom('sessions')
    .where('id', '=', session_id)
    .where('user_id', '=', user_id)
    .executeTakeFirstOrThrow()
  if (numDeletedRows === 0n) throw notFound('session')
}

/** Ends every session of a person, but for one that may go on. @returns the ids of those that have ended */
export async function endSessions(db: Db, user_id: string, but: string | null = null): Promise<string[]> {
  const ended = await db
    .deleteFrom('sessions')
    .where('user_id', '=', user_id)
    .where('id', '!=', but ?? '')
    .returning('id')
    .execute()
  return ended.map(({ id }) => id)
}

/** A session as its person sees it. */
interface OwnSession extends Origin {
  readonly id: string
  readonly created_at: number
  readonly last_used_at: number
  /** When it ends unless it is used before. */
  readonly expires_at: number
}

/** The sessions of a person that go on, the newest first. @param now milliseconds since 1970 */
export async function listSessions(
  db: Db,
  { user_id, limit, cursor }: PageRequest & { readonly user_id: string },
  now: number,
): Promise<Page<OwnSession>> {
  let query = db
    .selectFrom('sessions')
    .select(['id', 'created_at', 'last_used_at', 'address', 'user_agent'])
    .where('user_id', '=', user_id)
    .where('last_used_at', '>', now - refreshMs)
    .where('generation', '>', ofLink)
    .orderBy('id', 'desc')
  if (cursor) query = query.where('id', '<', decodeCursor(cursor, 'string'))
  const page = await readPage(query, { limit, keyOf: row => row.id })
  return { ...page, rows: page.rows.map(row => ({ ...row, expires_at: row.last_used_at + refreshMs })) }
}

const findSession = prepare((db, { session_id }: { session_id: string }) =>
  db.selectFrom('sessions').select('user_id').where('id', '=', session_id),
)

/** Whose session this is; null when it has ended. */
export const sessionOwner = async (db: Db, session_id: string): Promise<string | null> =>
  (await findSession(db, { session_id }))[0]?.user_id ?? null

/** Removes refresh tokens that are over, and the sessions that have none left. @param now milliseconds since 1970 */
export async function trimRefreshTokens(db: Db, now: number): Promise<void> {
  await db.deleteFrom('refresh_tokens').where('expires_at', '<', now).execute()
  await db.deleteFrom('sessions').where('id', 'not in', db.selectFrom('refresh_tokens').select('session_id')).execute()
}
