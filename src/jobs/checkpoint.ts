import type { Job } from './job.js'

/** SQLite writes its log back by itself; emptying it now and then keeps the file small on small disks. */
export const checkpointJob: Job = {
  name: 'wal-checkpoint',
  cron: '0 */10 * * * *',
  everyMs: 600_000,
  run: ({ store }) => store.checkpoint(),
}
