import {
  type AedesClient,
  type AedesInside,
  type Message,
  type Publish,
  type Published,
  stockPublish,
} from './internals.js'
import type { GuardedPersistence } from './persistence.js'

/** A message that waits for the one before it from the same publisher. */
interface Waiting {
  readonly message: Message
  readonly client: AedesClient | null
  readonly done: Published
}

/**
 * The broker's `publish`. Topics with a `$` go nowhere: nobody may hear them, and Aedes' own announcements are for other
 * brokers. Without stored sessions a message goes straight to its subscribers; otherwise the steps through the persistence
 * are taken one message at a time for each publisher, so that varying latencies cannot reorder them.
 */
export function publisher(inside: AedesInside, persistence: GuardedPersistence): Publish {
  const queues = new Map<string, Waiting[]>()

  function start(key: string, { message, client, done }: Waiting): void {
    stockPublish.call(inside, message, client, error => {
      done(error)
      const next = queues.get(key)?.shift()
      if (next) start(key, next)
      else queues.delete(key)
    })
  }

  return (message: Message, second: AedesClient | null | Published, third?: Published) => {
    const client = typeof second === 'function' ? null : second
    const done = (typeof second === 'function' ? second : third) ?? ignore
    if (message.topic.charCodeAt(0) === 36) return done(null)
    message.dup = false // [MQTT-3.3.1-3]
    if (!message.retain && !persistence.keepsSessions && queues.size === 0) return emit(inside, message, done)
    const key = publisherOf(message.topic)
    const queue = queues.get(key)
    if (queue) queue.push({ message, client, done })
    else {
      queues.set(key, [])
      start(key, { message, client, done })
    }
  }
}

function emit(inside: AedesInside, message: Message, done: Published): void {
  const { topic, payload, qos, properties } = message
  const packet: Message = {
    cmd: 'publish',
    brokerId: inside.id,
    brokerCounter: ++inside.counter,
    topic,
    payload,
    qos,
    retain: false,
    dup: false,
  }
  if (properties) packet.properties = properties
  inside.mq.emit(packet, done)
}

/** `homes/{home_id}/devices/{id}` or `homes/{home_id}/…`: what lies below is said by one device and the hub. */
function publisherOf(topic: string): string {
  let end = -1
  for (let level = 0; level < 4; level++) {
    end = topic.indexOf('/', end + 1)
    if (end === -1) return topic
  }
  return topic.slice(0, end)
}

const ignore: Published = () => undefined
