import { trimAlerts } from '../alerts/rows.js'
import type { Job } from './job.js'

/** How long it can be asked what became of an alert that is closed. */
const keptMs = 366 * 86_400_000

export const trimAlertsJob: Job = {
  name: 'trim-alerts',
  cron: '0 27 * * * *',
  everyMs: 3_600_000,
  run: ({ store }, now) => trimAlerts(store.db, now - keptMs),
}
