import { join } from 'node:path'
import { expect, test } from 'vitest'
import { startApi } from '../api/harness.js'
import { type Paths, writeRoutes } from './routes.js'

const file = join(import.meta.dirname, '../../../src/client/routes.d.ts')

test('the types of the client are those of the API', async () => {
  const hub = await startApi()
  const { paths } = (await hub.call('GET', '/openapi.json')).body as { paths: Paths }
  await hub.close()
  await expect(writeRoutes(paths)).toMatchFileSnapshot(file)
})
