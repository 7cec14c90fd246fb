import { needsSignOfLife } from '../devices/sign-of-life.js'
import type { Job } from './job.js'

/** Leaves a sign of life, so that a start after a sudden death knows when that was. At most every 10 s, to be gentle with SD cards. */
export const aliveJob: Job = {
  name: 'alive',
  cron: '*/10 * * * * *',
  everyMs: 10_000,
  run: async ({ store }, now) => {
    if (await needsSignOfLife(store.db, now)) await store.probe()
  },
}
