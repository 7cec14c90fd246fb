import { trimChanges } from '../devices/timeline.js'
import type { Job } from './job.js'

/** A year and a day, so that the longest range of uptime is there whole. */
const keptMs = 367 * 86_400_000

export const trimPresenceJob: Job = {
  name: 'trim-presence',
  cron: '0 37 * * * *',
  everyMs: 3_600_000,
  run: ({ store }, now) => trimChanges(store.db, now - keptMs),
}
