import type { ApiContext } from './api/context.js'
import { desiredChanged } from './bridge/desired.js'
import { forgetRetained, retainAgain } from './bridge/retained.js'
import type { Audio } from './hub-audio.js'
import type { Mqtt } from './hub-mqtt.js'
import type { Notifier } from './notifications/notifier.js'
import type { Traffic } from './operations/traffic.js'
import { inboundKind, ownHomesTopic } from './topics.js'

/** What the API is handed beside the MQTT side. */
interface Parts extends Pick<ApiContext, 'doors' | 'jobs'> {
  readonly notifier: Notifier
  readonly audio: Audio
  readonly traffic: Traffic
}

/** What the API is handed of all that runs. */
export function apiContext(mqtt: Mqtt, { traffic, ...parts }: Parts): ApiContext {
  const { broker, bridge, alerts, rules } = mqtt
  return {
    ...mqtt,
    ...parts,
    ingest: (device, rest, payload, message_id = null, quarantine_id = null) => {
      const origin = {
        qos: 1,
        message_id,
        dup: message_id !== null,
        received_at: Date.now(),
        connected_at: null,
        quarantine_id,
      } as const
      return bridge.ingest({ device, rest, kind: inboundKind(rest)?.kind ?? null, payload, ...origin })
    },
    desiredChanged: device => desiredChanged(mqtt, device),
    disconnect: (match, reason) => {
      if (match.device_id) void mqtt.presences.revoked(match.device_id).catch(mqtt.log.error.bind(mqtt.log))
      return broker.disconnect(match, reason)
    },
    rightsChanged: user_ids => rightsChanged(mqtt, user_ids),
    deviceMoved: oneByOne(async (device: { id: string; home_id: string }, from_home: string) => {
      await broker.move(device.id, from_home, device.home_id)
      await forgetRetained(mqtt, { id: device.id, home_id: from_home })
      await retainAgain(mqtt, device.id)
      for (const home of [from_home, device.home_id]) await alerts.retainAgain(home)
    }),
    deviceDeleted: async device => {
      await forgetRetained(mqtt, device)
      await alerts.retainAgain(device.home_id)
    },
    homeDeleted: home_id => alerts.retainAgain(home_id),
    rulesChanged: () => rules.reload(),
    brokerStats: () => ({ ...broker.stats() }),
    traffic: () => ({ messages_per_minute: traffic.perMinute(), connections: broker.stats().connections }),
  }
}

/** Each call begins when the one before has ended: of two moves of one device the later one tidies up behind the earlier. */
function oneByOne<Arguments extends unknown[]>(
  call: (...given: Arguments) => Promise<void>,
): (...given: Arguments) => Promise<void> {
  let last: Promise<void> = Promise.resolve()
  return (...given) => {
    const done = last.then(() => call(...given))
    last = done.catch(() => undefined)
    return done
  }
}

/** What people may hear now, for the connections they have, which are told so. Who is gone or inactive has none any more. */
async function rightsChanged({ directory, broker, publish, log }: Mqtt, user_ids: readonly string[]): Promise<void> {
  for (const user_id of user_ids) {
    directory.forgetPerson(user_id)
    const rights = await directory.rightsOf(user_id)
    if (!rights) {
      broker.disconnect({ user_id }, 'revoked')
      continue
    }
    broker.setRights(user_id, rights)
    const homes = [...rights.homes].map(([home_id, role]) => ({ home_id, role }))
    await publish(ownHomesTopic(user_id), JSON.stringify({ homes }), { qos: 1 }).catch(log.error.bind(log))
  }
}
