import { expect, it, onTestFinished, vi } from 'vitest'
import { Link } from '../../simulators/link.js'
import { createRandom } from '../../simulators/random.js'
import { startStockBroker } from './stock-broker.js'

it('publishes until it is acknowledged what mqtt.js gives back when a connection ends while it repeats what came before', async () => {
  const seen: string[] = []
  let answering = false
  const broker = await startStockBroker({
    authorizePublish: (_client, { payload }, done) => {
      seen.push(payload.toString())
      if (answering) done(null)
    },
  })
  onTestFinished(broker.close)
  const heard = () => undefined
  const options = { url: broker.url, id: 'lamp', api_key: undefined, random: createRandom(1), opened: heard, heard }
  const link = new Link(options)
  onTestFinished(() => link.stop())
  await link.start()

  const acknowledged: string[] = []
  const say = (what: string) => link.publish('telemetry', what, false, () => acknowledged.push(what))
  say('one')
  await vi.waitFor(() => expect(seen).toEqual(['one']))
  link.cut()
  await vi.waitFor(() => expect(seen).toEqual(['one', 'one']), 10_000)
  say('two')
  say('three')
  link.cut()
  answering = true
  await vi.waitFor(() => expect(acknowledged).toEqual(['one', 'two', 'three']), 10_000)
})
