import { overdueAlerts } from '../notifications/policies.js'
import type { Job } from './job.js'

/** Alerts that have been over for long and that nobody has looked at close by themselves, where the home wants it so. */
export const closeAlertsJob: Job = {
  name: 'close-alerts',
  cron: '0 */10 * * * *',
  everyMs: 600_000,
  run: async ({ store, alerts }, now) => {
    for (const { id, home_id } of await overdueAlerts(store.db, now)) await alerts.close(id, `policy/${home_id}`)
  },
}
