import { HubError } from '../errors.js'
import { devicesOf, type GroupDevice } from '../groups/groups.js'
import type { Db } from '../store/store.js'
import type { Commands } from './commands.js'
import type { Order } from './issue.js'
import { lastRun, nextRun, type Schedule } from './schedules.js'

export interface DueContext {
  readonly db: Db
  readonly commands: Commands
  /** Whether who made the plan may command this device now. */
  mayCommand(created_by: string, device: GroupDevice): Promise<boolean>
  /** What else belongs into the commit that writes a command down. */
  also(tx: Db, order: Order, schedule: Schedule): Promise<void>
}

/**
 * Gives the commands whose time has come. A plan's command carries its time as the idempotency key, so that one that was given before a
 * crash is not given again. Its life begins at the planned time: what is found too late is written down and expires.
 * @param now milliseconds since 1970
 */
export async function giveDue(context: DueContext, now: number): Promise<void> {
  for (const schedule of await dueSchedules(context.db, now)) {
    const due = lastRun(schedule, schedule.next_at ?? now, now)
    const last_error = await give(context, schedule, due)
    const next_at = nextRun(schedule, Math.max(due, now))
    const status = next_at === null ? 'done' : 'active'
    await context.db
      .updateTable('command_schedules')
      .set({ last_at: due, next_at, status, last_error })
      .where('id', '=', schedule.id)
      .where('next_at', '=', schedule.next_at)
      .execute()
  }
}

/** More than these wait for the next time, a second later. */
const maxAtOnce = 1000

const dueSchedules = (db: Db, now: number): Promise<Schedule[]> =>
  db
    .selectFrom('command_schedules')
    .selectAll()
    .where('next_at', '<=', now)
    .orderBy('next_at')
    .limit(maxAtOnce)
    .execute()

/** @returns what went wrong, in words; null when nothing did */
async function give(context: DueContext, schedule: Schedule, due: number): Promise<string | null> {
  const { id: schedule_id, name, params, ttl_seconds, collapse_key, created_by: issued_by, group_id } = schedule
  const mark = `schedule-${schedule_id}-${due}`
  const order = {
    name,
    params,
    ttl_seconds,
    collapse_key,
    issued_by,
    schedule_id,
    issued_at: due,
    idempotency_key: mark,
  }
  const faults: string[] = []
  for (const device of await targetsOf(context.db, schedule)) {
    const { id: device_id, home_id } = device
    const wanted = { ...order, device_id, home_id, ...(group_id === null ? {} : { batch_id: mark }) }
    try {
      if (!(await context.mayCommand(issued_by, device)))
        throw new HubError('forbidden', 'Who made the schedule may not command this device any more.')
      await context.commands.issue(wanted, (tx, given) => context.also(tx, given, schedule))
    } catch (error) {
      if (!(error instanceof HubError) || error.status >= 500) throw error
      faults.push(`${device_id}: ${error.message}`)
    }
  }
  return faults.length === 0 ? null : faults.slice(0, 10).join(' ')
}

async function targetsOf(db: Db, { device_id, group_id }: Schedule): Promise<GroupDevice[]> {
  if (group_id !== null) return devicesOf(db, group_id)
  return db.selectFrom('devices').select(['id', 'home_id']).where('id', '=', device_id).execute()
}
