import { trimStateChanges } from '../devices/state-history.js'
import type { Job } from './job.js'

/** How long it can be asked what a state was. */
const keptMs = 366 * 86_400_000

export const trimStateJob: Job = {
  name: 'trim-state',
  cron: '0 */10 * * * *',
  everyMs: 600_000,
  run: ({ store }, now) => trimStateChanges(store.db, now - keptMs),
}
