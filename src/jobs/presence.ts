import type { Job } from './job.js'

export const presenceJob: Job = {
  name: 'presence',
  cron: '30 * * * * *',
  everyMs: 60_000,
  run: ({ reconcilePresence }) => reconcilePresence(),
}
