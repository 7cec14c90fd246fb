import { until } from '../helper.js'
import type { TestStore } from '../store/harness.js'

/** Has every hour packed that may be, as if a day had gone by. */
export async function packAll({ db, look }: Pick<TestStore, 'db' | 'look'>): Promise<void> {
  const are = (where: string) => look(`select count(*) from telemetry_hours where ${where}`) !== 0
  await until(() => !are('state = 0'), 30_000)
  await db.updateTable('telemetry_hours').set({ pack_at: 0 }).execute()
  await until(() => !are('pack_at = 0 and state in (1, 2)'), 30_000)
}
