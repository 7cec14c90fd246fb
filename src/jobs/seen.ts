import { recordUses } from '../devices/keys.js'
import { recordSeen } from '../devices/presence.js'
import type { Job } from './job.js'

/** Writes down when devices were last heard and how often keys were used, which is gathered in memory in between. */
export const seenJob: Job = {
  name: 'seen',
  cron: '*/15 * * * * *',
  everyMs: 15_000,
  atStop: true,
  run: async ({ store, takeSeen, takeKeyUses }) => {
    await recordSeen(store.db, takeSeen())
    await recordUses(store.db, takeKeyUses())
  },
}
