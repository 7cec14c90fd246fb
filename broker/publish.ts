import type { AedesClient, AedesInside, Message, Publish, Published } from './internals.js'
import { Unheard } from './unheard.js'

interface PublisherHost {
  readonly inside: AedesInside
  /** Hands a message to those who keep it; null when there is nothing to wait for. */
  keep(message: Message): Promise<void> | null
  readonly outgoing: { deliver(message: Message): void; published(message: Message): void }
}

/**
 * The broker's `publish`. Topics with a `$` go nowhere: nobody may hear them, and Aedes' own announcements are for other
 * brokers. A message that nobody keeps goes straight to its subscribers; one that is kept goes to them once it is, and what the same
 * publisher says meanwhile behind it.
 */
export function publisher(host: PublisherHost): Publish {
  const turns = new Map<string, Promise<void>>()
  const unheard = new Unheard(host.inside.mq)
  const emit = (message: Message, done: Published) => {
    if (message.brokerCounter === undefined && unheard.has(message)) done(null)
    else emitTo(host, message, done)
  }

  return (message: Message, second: AedesClient | null | Published, third?: Published) => {
    const done = (typeof second === 'function' ? second : third) ?? ignore
    if (message.topic.charCodeAt(0) === 36) return done(null)
    message.dup = false // [MQTT-3.3.1-3]
    const keeping = message.kept ? null : host.keep(message)
    if (keeping === null && (message.kept || turns.size === 0)) return emit(message, done)
    const key = publisherOf(message.topic)
    const before = turns.get(key)
    if (keeping === null && !before) return emit(message, done)
    const turn = Promise.allSettled([keeping, before]).then(([kept]) => {
      if (turns.get(key) === turn) turns.delete(key)
      if (kept.status === 'rejected') done(kept.reason)
      else emit(message, done)
    })
    turns.set(key, turn)
  }
}

/** Gives a message to everybody who is here. */
function emitTo({ inside, outgoing }: PublisherHost, message: Message, done: Published): void {
  const { topic, payload, qos, properties, brokerCounter } = message
  const packet: Message = {
    cmd: 'publish',
    brokerId: inside.id,
    brokerCounter: brokerCounter ?? ++inside.counter,
    topic,
    payload,
    qos,
    retain: false,
    dup: false,
  }
  if (properties) packet.properties = properties
  if (brokerCounter === undefined) {
    inside.mq.emit(packet, done)
    return
  }
  outgoing.deliver(packet)
  inside.mq.emit(packet, () => {
    outgoing.published(packet)
    done(null)
  })
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
