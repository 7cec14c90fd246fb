import type { Job } from './job.js'

export const overdueJob: Job = {
  name: 'overdue',
  cron: '*/5 * * * * *',
  everyMs: 5000,
  run: ({ endSleep }, now) => endSleep(now),
}
