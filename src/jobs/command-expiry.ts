import type { Job } from './job.js'

export const commandExpiryJob: Job = {
  name: 'command-expiry',
  cron: '*/2 * * * * *',
  everyMs: 2000,
  run: ({ commands }, now) => commands.expire(now),
}
