import type { Job } from './job.js'

export const trimSessionsJob: Job = {
  name: 'trim-sessions',
  cron: '0 47 * * * *',
  everyMs: 3_600_000,
  run: ({ trimSessions }, now) => trimSessions(now),
}
