import { trimClaims } from '../devices/claims.js'
import { keptMs, trimWrites } from '../idempotency/idempotency.js'
import { trimRefreshTokens } from '../people/sessions.js'
import type { Job } from './job.js'

/** How long it can be seen that a code was used or has ended. */
const claimsKeptMs = 30 * 86_400_000

export const trimTokensJob: Job = {
  name: 'trim-tokens',
  cron: '0 27 3 * * *',
  everyMs: 86_400_000,
  run: async ({ store }, now) => {
    await trimRefreshTokens(store.db, now)
    await trimClaims(store.db, now - claimsKeptMs)
    await trimWrites(store.db, now - keptMs)
  },
}
