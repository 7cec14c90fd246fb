import { trimNotifications } from '../notifications/notifications.js'
import type { Job } from './job.js'

/** How long it can be seen who was told. */
const keptMs = 90 * 86_400_000

export const trimNotificationsJob: Job = {
  name: 'trim-notifications',
  cron: '0 57 * * * *',
  everyMs: 3_600_000,
  run: ({ store }, now) => trimNotifications(store.db, now - keptMs),
}
