import { trimRefreshTokens } from '../people/sessions.js'
import type { Job } from './job.js'

export const trimTokensJob: Job = {
  name: 'trim-tokens',
  cron: '0 27 3 * * *',
  everyMs: 86_400_000,
  run: ({ store }, now) => trimRefreshTokens(store.db, now),
}
