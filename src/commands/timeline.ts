import type { Selectable } from 'kysely'
import { decodeCursor, type Page, type PageRequest } from '../page.js'
import type { CommandStatus, CommandTables } from '../store/command-tables.js'
import { readPage } from '../store/pages.js'
import type { Db } from '../store/store.js'

/** A step of a command as the API shows it. `counted` is false for a result that came late or again, and changed nothing. */
export type Step = Pick<
  Selectable<CommandTables['command_steps']>,
  'command_id' | 'at' | 'status' | 'progress' | 'attempt'
> & { readonly counted: boolean }

/** Beyond what is kept: a thousand of its progress, and the rest. */
const maxSteps = 2000
const columns = ['id', 'command_id', 'at', 'status', 'progress', 'attempt', 'counted'] as const

/** What a command went through, in order. */
export async function timelineOf(db: Db, command_id: string): Promise<Step[]> {
  const rows = await db
    .selectFrom('command_steps')
    .select(columns)
    .where('command_id', '=', command_id)
    .orderBy('id')
    .limit(maxSteps)
    .execute()
  return rows.map(shown)
}

/** What the commands of a device went through, the newest first. */
export async function timelineOfDevice(db: Db, device_id: string, page: PageRequest): Promise<Page<Step>> {
  let query = db.selectFrom('command_steps').select(columns).where('device_id', '=', device_id)
  if (page.cursor) query = query.where('id', '<', decodeCursor(page.cursor, 'number'))
  const { rows, next_cursor } = await readPage(query.orderBy('id', 'desc'), { limit: page.limit, keyOf: row => row.id })
  return { rows: rows.map(shown), next_cursor }
}

const shown = ({ id: _, counted, ...step }: Omit<Step, 'counted'> & { id: number; counted: number }): Step => ({
  ...step,
  counted: counted === 1,
})

const maxUncounted = 100

/** Keeps a result of its device that changed nothing, up to a hundred of a command. */
export async function keepUncounted(
  db: Db,
  { id: command_id, device_id }: { readonly id: string; readonly device_id: string },
  { status, progress }: { status: CommandStatus; progress: number | null },
): Promise<void> {
  const { kept } = await db
    .selectFrom('command_steps')
    .select(eb => eb.fn.countAll<number>().as('kept'))
    .where('command_id', '=', command_id)
    .where('counted', '=', 0)
    .executeTakeFirstOrThrow()
  if (kept >= maxUncounted) return
  const command = await db
    .selectFrom('commands')
    .select('attempt')
    .where('id', '=', command_id)
    .where('device_id', '=', device_id)
    .executeTakeFirst()
  if (!command) return
  await db
    .insertInto('command_steps')
    .values({ command_id, device_id, at: Date.now(), status, progress, attempt: command.attempt, counted: 0 })
    .execute()
}
