import { silentAlerts } from '../alerts/rows.js'
import { overdueAlerts } from '../notifications/policies.js'
import type { Job } from './job.js'

/** For how long a sound that somebody knows of is not heard until it is over: of the next, people are told anew. */
const silentMs = 600_000

/**
 * Alerts that have been over for long and that nobody has looked at close by themselves, where the home wants it so; those of a sound that
 * somebody has acknowledged, when it is over.
 */
export const closeAlertsJob: Job = {
  name: 'close-alerts',
  cron: '0 */10 * * * *',
  everyMs: 600_000,
  run: async ({ store, alerts }, now) => {
    for (const { id, home_id } of await overdueAlerts(store.db, now)) await alerts.close(id, `policy/${home_id}`)
    for (const silent of await silentAlerts(store.db, now - silentMs)) await alerts.clear(silent)
  },
}
