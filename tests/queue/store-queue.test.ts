import { expect, test } from 'vitest'
import { insertRecording } from '../../src/audio/rows.js'
import { createDevice } from '../../src/devices/devices.js'
import { createHome } from '../../src/homes/homes.js'
import { StoreQueue } from '../../src/queue/store-queue.js'
import { openTestStore } from '../store/harness.js'

test('a home with recordings that nobody can listen to holds up those of no other', async () => {
  const { db, close } = await openTestStore()
  const queue = new StoreQueue(db)
  const settled = { enqueued_at: null, settled_at: null, result: null, error: null, deleted_at: null }
  const sound = { content_type: 'audio/wav', bytes: 1, sha256: null, recorded_at: 0, created_at: 0, upload_until: 0 }
  for (const name of ['large', 'small']) {
    const { id: home_id } = await createHome(db, { name })
    await createDevice(db, { id: name, name, type: 'microphone', home_id })
    for (const id of name === 'large' ? ['a', 'b', 'c'] : ['z'])
      await insertRecording(db, { id, device_id: name, home_id, ...sound, status: 'queued', ...settled })
  }
  const put = async (id: string, visible_at: number) => {
    await queue.put(id)
    await db.updateTable('work').set({ visible_at }).where('id', '=', id).execute()
  }
  for (const [i, id] of ['a', 'b', 'c', 'z'].entries()) await put(id, i)
  const take = () => queue.take({ by: 'hub', ms: 60_000, wait_ms: 0, signal: new AbortController().signal })
  const first = await take()
  expect(first?.id).toBe('a')
  if (first) await queue.retry(first, 0)
  expect((await take())?.id).toBe('z')
  expect(['b', 'c']).toContain((await take())?.id)
  await close()
})
