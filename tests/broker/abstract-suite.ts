/** The suite that aedes-persistence publishes for those who write one, run on ours. Started by sessions-abstract.test.ts with `node --test`. */
import { createRequire } from 'node:module'
import { Readable } from 'node:stream'
import { after, test } from 'node:test'
import { Sessions } from '../../broker/sessions.js'
import { openTestStore, silent, type TestStore } from '../store/harness.js'

const abstract = createRequire(import.meta.url)('aedes-persistence/abstract.js')

interface Will {
  brokerId?: string
  clientId?: string
}

/** With what the suite asks for and the hub does not: wills, and ways to look inside. */
class Whole extends Sessions {
  readonly #store: TestStore
  readonly #wills = new Map<string, Will>()
  broker: { id: string; counter: number } = { id: '', counter: 0 }

  constructor(store: TestStore) {
    super(store.db, silent)
    this.#store = store
  }

  override async setup(broker: { id: string; counter: number }): Promise<void> {
    this.broker = broker
    await super.setup(broker)
  }

  createRetainedStream(pattern: string): Readable {
    return this.createRetainedStreamCombi([pattern])
  }

  getClientList(topic: string): Readable {
    return Readable.from(this.#clientsOf(topic))
  }

  async *#clientsOf(topic: string): AsyncGenerator<string> {
    for (const { clientId } of await this.subscriptionsByTopic(topic)) yield clientId
  }

  async putWill(client: { id: string }, will: Will): Promise<void> {
    this.#wills.set(client.id, Object.assign(will, { brokerId: this.broker.id, clientId: client.id }))
  }

  async getWill({ id }: { id: string }): Promise<Will | undefined> {
    return this.#wills.get(id)
  }

  async delWill({ id }: { id: string }): Promise<Will | undefined> {
    const will = this.#wills.get(id)
    this.#wills.delete(id)
    return will
  }

  streamWill(brokers: Record<string, number> = {}): Readable {
    return Readable.from([...this.#wills.values()].filter(({ brokerId = '' }) => !brokers[brokerId]))
  }

  async destroy(): Promise<void> {
    open.delete(this)
    await this.#store.close()
  }
}

/** The suite leaves some as they are. */
const open = new Set<Whole>()
after(() => Promise.all([...open].map(one => one.destroy())))

abstract({
  test,
  testAsync: true,
  persistence: async () => {
    const whole = new Whole(await openTestStore({ sync: 'normal' }))
    open.add(whole)
    return whole
  },
})
