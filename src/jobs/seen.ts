import { recordSeen } from '../devices/presence.js'
import { recordUses } from '../store/uses.js'
import type { Job } from './job.js'

/** Writes down when devices were last heard and how often keys were used, which is gathered in memory in between. */
export const seenJob: Job = {
  name: 'seen',
  cron: '*/15 * * * * *',
  everyMs: 15_000,
  atStop: true,
  run: async ({ store, takeSeen, takeKeyUses, takeTokenUses }) => {
    await recordSeen(store.db, takeSeen())
    await recordUses(store.db, 'device_keys', takeKeyUses())
    await recordUses(store.db, 'service_tokens', takeTokenUses())
  },
}
