import { expect, test } from 'vitest'
import { startHub, until } from '../helper.js'
import { startReceiver } from '../notifications/receiver.js'

test('neither a start nor a stop waits for a far server that says nothing', async () => {
  const silent = await startReceiver()
  let broken_off = 0
  silent.answer = (_, response) => void response.on('close', () => broken_off++)
  const hub = await startHub({
    HEARTH_S3_BUCKET: 'sounds',
    HEARTH_S3_ENDPOINT: silent.url,
    HEARTH_AWS_ACCESS_KEY_ID: 'x',
    HEARTH_AWS_SECRET_ACCESS_KEY: 'x',
  })
  await until(() => silent.received.some(({ path }) => path.startsWith('/sounds')))
  expect(broken_off).toBe(0)
  await hub.hub.close()
  await until(() => broken_off === silent.received.length)
  expect(hub.logged.filter(line => line.includes('a job failed'))).toEqual([])
  await hub.close()
}, 9000)
