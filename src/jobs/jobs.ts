import { createTask } from 'node-cron'
import type { Logger } from 'pino'
import type { Db } from '../store/store.js'
import { aliveJob } from './alive.js'
import { checkpointJob } from './checkpoint.js'
import { closeAlertsJob } from './close-alerts.js'
import { commandExpiryJob } from './command-expiry.js'
import { commandSchedulesJob } from './command-schedules.js'
import type { Job, JobContext } from './job.js'
import { overdueJob } from './overdue.js'
import { presenceJob } from './presence.js'
import { recordingsJob } from './recordings.js'
import { retentionJob } from './retention.js'
import { seenJob } from './seen.js'
import { trimAlertsJob } from './trim-alerts.js'
import { trimLogsJob } from './trim-logs.js'
import { trimNotificationsJob } from './trim-notifications.js'
import { trimPresenceJob } from './trim-presence.js'
import { trimQuarantineJob } from './trim-quarantine.js'
import { trimRecordingsJob } from './trim-recordings.js'
import { trimSessionsJob } from './trim-sessions.js'
import { trimStateJob } from './trim-state.js'
import { trimTokensJob } from './trim-tokens.js'

const jobs: readonly Job[] = [
  commandExpiryJob,
  commandSchedulesJob,
  seenJob,
  presenceJob,
  overdueJob,
  aliveJob,
  checkpointJob,
  retentionJob,
  recordingsJob,
  trimQuarantineJob,
  closeAlertsJob,
  trimNotificationsJob,
  trimLogsJob,
  trimStateJob,
  trimPresenceJob,
  trimTokensJob,
  trimSessionsJob,
  trimRecordingsJob,
  trimAlertsJob,
]

/** The row of a job that runs every few seconds is rewritten at most this often, to be gentle with SD cards. */
const rowEveryMs = 55_000

/** How a job ended when it last ran. */
interface Ran {
  readonly last_run_at: number
  readonly duration_ms: number
  /** What went wrong; null when nothing did. */
  readonly last_error: string | null
}

/** A job as those who run the hub see it; null what never was, and the next run of a clock that stands. */
interface JobTold extends Pick<Job, 'name' | 'cron'>, Nullable<Ran> {
  readonly running: boolean
  readonly next_run_at: number | null
}

type Nullable<T> = { readonly [Name in keyof T]: T[Name] | null }

export interface Jobs {
  /** Every job, with when it ran and when it will. */
  list(): Promise<JobTold[]>
  /** Runs what was missed while the hub was down, then starts the clock. What may ask servers elsewhere goes on behind that. */
  start(): Promise<void>
  /** Stops the clock, breaks off what asks servers elsewhere, waits for what else is running, and runs what must not be left undone. */
  stop(): Promise<void>
}

/** The scheduled jobs, in UTC: no job is missed or doubled by daylight saving. */
export function createJobs(given: Omit<JobContext, 'signal'>): Jobs {
  const stopping = new AbortController()
  const context = { ...given, signal: stopping.signal }
  const { db } = context.store
  const running = new Map<string, Promise<void>>()
  const kept: Kept = new Map()
  const run = (job: Job): Promise<void> => {
    const under = running.get(job.name) ?? runOnce(context, job, kept).finally(() => running.delete(job.name))
    running.set(job.name, under)
    return under
  }
  const planned = jobs.map(job => {
    const task = createTask(job.cron, () => run(job), { timezone: 'UTC', name: job.name })
    return { job, task }
  })

  return {
    list: async () => {
      const written = await lastRuns(db)
      return planned.map(({ job: { name, cron }, task }) => ({
        name,
        cron,
        running: running.has(name),
        next_run_at: task.getNextRun()?.getTime() ?? null,
        ...(kept.get(name)?.ran ?? written.get(name) ?? never),
      }))
    },
    start: async () => {
      const missed = missedJobs(await lastRuns(db))
      await Promise.all(missed.filter(({ far }) => !far).map(run))
      for (const job of missed) if (job.far) void run(job)
      for (const { task } of planned) await task.start()
    },
    stop: async () => {
      for (const { task } of planned) await task.destroy()
      stopping.abort()
      await Promise.all(running.values())
      await Promise.all(jobs.filter(job => job.atStop).map(run))
    },
  }
}

const never = { last_run_at: null, duration_ms: null, last_error: null }

async function lastRuns(db: Db): Promise<ReadonlyMap<string, Ran>> {
  const rows = await db.selectFrom('jobs').selectAll().execute()
  return new Map(rows.map(({ name, ...ran }) => [name, ran]))
}

function missedJobs(last: ReadonlyMap<string, Ran>): Job[] {
  const now = Date.now()
  return jobs.filter(job => (last.get(job.name)?.last_run_at ?? 0) < now - job.everyMs)
}

/** The last run of each job since the start, and when its row was last written. */
type Kept = Map<string, { readonly ran: Ran; readonly written_at: number }>

async function runOnce(context: JobContext, job: Job, kept: Kept): Promise<void> {
  const started = Date.now()
  const isBrokenOff = () => job.far && context.signal.aborted
  const last_error = await job.run(context, started).then(
    () => null,
    error => (isBrokenOff() ? null : failed(context.log, job, error)),
  )
  // The next start makes up for it.
  if (isBrokenOff()) return
  const ran = { last_run_at: started, last_error, duration_ms: Date.now() - started }
  const written_at = kept.get(job.name)?.written_at ?? 0
  const due = last_error !== null || started - written_at >= rowEveryMs
  kept.set(job.name, { ran, written_at: due ? started : written_at })
  if (!due) return
  await context.store.db
    .replaceInto('jobs')
    .values({ name: job.name, ...ran })
    .execute()
    .catch(error => failed(context.log, job, error))
}

function failed(log: Logger, job: Job, err: unknown): string {
  log.error({ err, job: job.name }, 'a job failed; it runs again at its next time')
  return err instanceof Error ? err.message : String(err)
}
