import type { Objects } from '../objects/objects.js'
import { inSteps } from '../store/in-steps.js'
import type { Db } from '../store/store.js'
import type { Recordings } from './recordings.js'
import { keyOf, keyPrefix } from './rows.js'

interface SweepContext {
  readonly db: Db
  readonly objects: Objects
  /** Breaks it off, which then fails. */
  readonly signal?: AbortSignal
}

const atOnce = 100
/** Between the commit that queues a recording and the queue there is a moment, in milliseconds. */
const handingMs = 10_000
/** A queue elsewhere may lose what nobody has taken for days. */
const forgottenMs = 86_400_000
/** An upload that was begun in time may still be under way. */
const graceMs = 3_600_000

/** Hands those to the queue again that a crash left between, or that the queue has lost: it heeds what it has already. */
export async function enqueueLost(
  { db }: Pick<SweepContext, 'db'>,
  recordings: Recordings,
  now: number,
  signal?: AbortSignal,
): Promise<void> {
  const lost = await db
    .selectFrom('recordings')
    .selectAll()
    .where('status', '=', 'queued')
    .where('created_at', '<', now - handingMs)
    .where(({ eb, or }) => or([eb('enqueued_at', 'is', null), eb('enqueued_at', '<', now - forgottenMs)]))
    .limit(atOnce)
    .execute()
  for (const recording of lost) await recordings.enqueue(recording, signal)
}

/** Forgets recordings of which the sound never came, with whatever came of it. */
export async function sweepUnconfirmed({ db, objects, signal }: SweepContext, now: number): Promise<void> {
  await inSteps(atOnce, async most => {
    const late = await db
      .selectFrom('recordings')
      .select('id')
      .where('status', '=', 'waiting')
      .where('created_at', '<', now - graceMs)
      .where('upload_until', '<', now - graceMs)
      .limit(most)
      .execute()
    for (const recording of late) {
      await objects.delete(keyOf(recording), signal)
      await db.deleteFrom('recordings').where('id', '=', recording.id).where('status', '=', 'waiting').execute()
    }
    return BigInt(late.length)
  })
}

/** Deletes the sound of recordings that were settled before this time. */
export async function sweepSound({ db, objects, signal }: SweepContext, before: number): Promise<void> {
  await inSteps(atOnce, async most => {
    const old = await db
      .selectFrom('recordings')
      .select('id')
      .where('settled_at', '<', before)
      .where('deleted_at', 'is', null)
      .limit(most)
      .execute()
    for (const recording of old) {
      await objects.delete(keyOf(recording), signal)
      await db.updateTable('recordings').set({ deleted_at: Date.now() }).where('id', '=', recording.id).execute()
    }
    return BigInt(old.length)
  })
}

/** Forgets recordings that were settled before this time, of which the sound is deleted. */
export async function trimRecordings({ db }: Pick<SweepContext, 'db'>, before: number): Promise<void> {
  await inSteps(atOnce, async most => {
    const old = db
      .selectFrom('recordings')
      .select('id')
      .where('settled_at', '<', before)
      .where('deleted_at', 'is not', null)
      .limit(most)
    const { numDeletedRows } = await db.deleteFrom('recordings').where('id', 'in', old).executeTakeFirstOrThrow()
    return numDeletedRows
  })
}

/** Deletes objects that no recording stands for: of a device that was deleted, or of a hub that died between. */
export async function sweepOrphans(context: SweepContext, now: number): Promise<void> {
  const batch: string[] = []
  for await (const { key, put_at } of context.objects.list(keyPrefix, context.signal)) {
    if (put_at > now - graceMs) continue
    if (batch.push(key.slice(keyPrefix.length)) >= atOnce) await deleteOrphans(context, batch.splice(0))
  }
  await deleteOrphans(context, batch)
}

async function deleteOrphans({ db, objects, signal }: SweepContext, ids: readonly string[]): Promise<void> {
  if (ids.length === 0) return
  const rows = await db
    .selectFrom('recordings')
    .select('id')
    .where('id', 'in', ids)
    .where('deleted_at', 'is', null)
    .execute()
  const known = new Set(rows.map(({ id }) => id))
  for (const id of ids) if (!known.has(id)) await objects.delete(keyOf({ id }), signal)
}
