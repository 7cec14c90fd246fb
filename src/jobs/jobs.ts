import { createTask, type ScheduledTask } from 'node-cron'
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

export interface Jobs {
  /** Runs what was missed while the hub was down, then starts the clock. What may ask servers elsewhere goes on behind that. */
  start(): Promise<void>
  /** Stops the clock, breaks off what asks servers elsewhere, waits for what else is running, and runs what must not be left undone. */
  stop(): Promise<void>
}

/** The scheduled jobs, in UTC: no job is missed or doubled by daylight saving. */
export function createJobs(given: Omit<JobContext, 'signal'>): Jobs {
  const stopping = new AbortController()
  const context = { ...given, signal: stopping.signal }
  const running = new Map<string, Promise<void>>()
  const written = new Map<string, number>()
  const run = (job: Job): Promise<void> => {
    const under = running.get(job.name) ?? runOnce(context, job, written).finally(() => running.delete(job.name))
    running.set(job.name, under)
    return under
  }
  const tasks: ScheduledTask[] = jobs.map(job =>
    createTask(job.cron, () => run(job), { timezone: 'UTC', name: job.name }),
  )

  return {
    start: async () => {
      const missed = await missedJobs(context.store.db)
      await Promise.all(missed.filter(({ far }) => !far).map(run))
      for (const job of missed) if (job.far) void run(job)
      for (const task of tasks) await task.start()
    },
    stop: async () => {
      for (const task of tasks) await task.destroy()
      stopping.abort()
      await Promise.all(running.values())
      await Promise.all(jobs.filter(job => job.atStop).map(run))
    },
  }
}

async function missedJobs(db: Db): Promise<Job[]> {
  const rows = await db.selectFrom('jobs').selectAll().execute()
  const lastRun = new Map(rows.map(row => [row.name, row.last_run_at]))
  const now = Date.now()
  return jobs.filter(job => (lastRun.get(job.name) ?? 0) < now - job.everyMs)
}

async function runOnce(context: JobContext, job: Job, written: Map<string, number>): Promise<void> {
  const started = Date.now()
  const isBrokenOff = () => job.far && context.signal.aborted
  const last_error = await job.run(context, started).then(
    () => null,
    error => (isBrokenOff() ? null : failed(context.log, job, error)),
  )
  // The next start makes up for it.
  if (isBrokenOff()) return
  const due = last_error !== null || started - (written.get(job.name) ?? 0) >= rowEveryMs
  if (!due) return
  written.set(job.name, started)
  const row = { name: job.name, last_run_at: started, last_error, duration_ms: Date.now() - started }
  await context.store.db
    .replaceInto('jobs')
    .values(row)
    .execute()
    .catch(error => failed(context.log, job, error))
}

function failed(log: Logger, job: Job, err: unknown): string {
  log.error({ err, job: job.name }, 'a job failed; it runs again at its next time')
  return err instanceof Error ? err.message : String(err)
}
