import type { Selectable } from 'kysely'
import { HubError } from '../errors.js'
import { inSteps } from '../store/in-steps.js'
import type { Db } from '../store/store.js'
import type { Tables } from '../store/tables.js'

/** A write as its sender marked it (draft-ietf-httpapi-idempotency-key-header): the same again is not done again. */
export interface Marked {
  /** Kind and id of who asks, e.g. `person/abc`. */
  readonly actor: string
  readonly key: string
  /** What was asked for. */
  readonly fingerprint: string
}

export type KeptWrite = Selectable<Tables['idempotency_keys']>

/** How long a key is remembered, in milliseconds: a day. */
export const keptMs = 86_400_000

/**
 * What is known of a write that was asked for with this key before; undefined when it was not.
 * @throws HubError `conflict` when the key stood for something else
 */
export async function findWrite(db: Db, { actor, key, fingerprint }: Marked): Promise<KeptWrite | undefined> {
  const kept = await db
    .selectFrom('idempotency_keys')
    .selectAll()
    .where('actor', '=', actor)
    .where('key', '=', key)
    .executeTakeFirst()
  if (kept && kept.fingerprint !== fingerprint)
    throw new HubError('conflict', 'The idempotency key stood for another request before.')
  return kept
}

/** Writes down, with the change itself, that it was made. @throws HubError `conflict` when it was made already */
export async function keepWrite(
  tx: Db,
  marked: Marked,
  { target, home_id = null }: { readonly target: string; readonly home_id?: string | null },
): Promise<void> {
  const { numInsertedOrUpdatedRows } = await tx
    .insertInto('idempotency_keys')
    .values({ ...marked, target, home_id, at: Date.now(), status: null, body: null, etag: null })
    .onConflict(conflict => conflict.columns(['actor', 'key']).doNothing())
    .executeTakeFirstOrThrow()
  if (numInsertedOrUpdatedRows === 0n)
    throw new HubError('conflict', 'A request with this idempotency key came before.')
}

/** Keeps what was answered, so that it can be answered again. */
export async function keepAnswer(
  db: Db,
  { actor, key }: Marked,
  answer: Pick<KeptWrite, 'status' | 'body' | 'etag'>,
): Promise<void> {
  await db.updateTable('idempotency_keys').set(answer).where('actor', '=', actor).where('key', '=', key).execute()
}

const trimmedAtOnce = 1000

/** Forgets the keys that came before this time. */
export const trimWrites = (db: Db, before: number): Promise<number> =>
  inSteps(trimmedAtOnce, async most => {
    const old = db.selectFrom('idempotency_keys').select(['actor', 'key']).where('at', '<', before).limit(most)
    const { numDeletedRows } = await db
      .deleteFrom('idempotency_keys')
      .where(({ eb, refTuple }) => eb(refTuple('actor', 'key'), 'in', old.$asTuple('actor', 'key')))
      .executeTakeFirstOrThrow()
    return numDeletedRows
  })
