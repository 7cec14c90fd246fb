import type { Principal } from '../principal.js'

/** What the broker keeps of MQTT. Only it reads and writes these. */
export interface SessionTables {
  /** What the broker keeps for a client that asked for it, connected or away. It ends with its owner. */
  mqtt_sessions: {
    num: number
    client_id: string
    kind: Principal['kind'] | null
    device_id: string | null
    user_id: string | null
    token_id: string | null
    /** When its client was last connected, in milliseconds since 1970, as far as it is written down. */
    seen_at: number
  }
  mqtt_subscriptions: {
    session_num: number
    /** As its owner spells it: a device's without the home. */
    filter: string
    qos: number
  }
  /** What waits for a session's client, in the order of `seq`. */
  mqtt_outgoing: {
    session_num: number
    seq: number
    /** `pubrel` once the client has received a QoS 2 message and not yet completed it. */
    cmd: 'publish' | 'pubrel'
    topic: string
    payload: Buffer | string
    qos: number
    /** The packet identifier; null until it is sent. */
    message_id: number | null
  }
  /** QoS 2 messages of a session's client between PUBLISH and PUBREL. */
  mqtt_incoming: {
    session_num: number
    message_id: number
    topic: string
    payload: Buffer | string
  }
  /** What programs had retained. What the hub has retained of its devices comes from their own rows. */
  mqtt_retained: {
    topic: string
    payload: Buffer | string
    qos: number
  }
}
