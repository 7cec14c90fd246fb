/**
 * The topic grammar, spelled here and nowhere else. A device says `devices/{id}/…`; the broker mounts that at
 * `homes/{home_id}/devices/{id}/…` (D4), which is the name that everybody else knows.
 */

export const idPattern = /^[a-z0-9_-]{1,64}$/

/** What a device may say: the topic below its own prefix. `alert/{key}` is the one with a level of its own. */
export const inbound = ['telemetry', 'heartbeat', 'state', 'event', 'log', 'hello', 'commands/result', 'alert'] as const
/** What the hub says to a device, below the same prefix. */
export const outbound = ['commands', 'desired', 'time', 'errors', 'presence'] as const
export type Inbound = (typeof inbound)[number]
export type Outbound = (typeof outbound)[number]

const level = /^[A-Za-z0-9_.:-]{1,64}$/
const maxLevels = 16

/** `devices/{id}/{rest}`: a topic as the device itself spells it. */
export const deviceTopic = (id: string, rest: string) => `devices/${id}/${rest}`
/** `homes/{home_id}/devices/{id}/{rest}`: the same topic as everybody else spells it. */
export const mountedTopic = (home_id: string, id: string, rest: string) => `homes/${home_id}/devices/${id}/${rest}`
/** `homes/{home_id}/commands`: every change of a command's status in a home. */
export const homeCommandsTopic = (home_id: string) => `homes/${home_id}/commands`

/** The part after `devices/{id}/` when `topic` lies under that device's own prefix, else null. */
export function ownTopic(id: string, topic: string): string | null {
  const prefix = `devices/${id}/`
  return topic.startsWith(prefix) && topic.length > prefix.length ? topic.slice(prefix.length) : null
}

/** True when every level is in the strict grammar for devices; with `wildcards`, `+` and a last `#` as well. */
export function isDeviceTopic(topic: string, wildcards = false): boolean {
  if (topic.length > 1024) return false
  const levels = topic.split('/')
  return (
    levels.length <= maxLevels &&
    levels.every(
      (name, i) => level.test(name) || (wildcards && (name === '+' || (name === '#' && i === levels.length - 1))),
    )
  )
}

/** The inbound kind that the rest of a device's topic stands for, with the key of `alert/{key}`; null when there is none. */
export function inboundKind(rest: string): { kind: Inbound; key?: string } | null {
  const known = inbound.find(kind => kind === rest)
  if (known !== undefined && known !== 'alert') return { kind: known }
  const [head, key, ...more] = rest.split('/')
  return head === 'alert' && key && more.length === 0 ? { kind: 'alert', key } : null
}

/** The home that a mounted topic or filter names, or null when it names none for certain. */
export function homeOf(filter: string): string | null {
  const [root, home_id, next] = filter.split('/', 3)
  return root === 'homes' && home_id !== undefined && next !== undefined && idPattern.test(home_id) ? home_id : null
}

/** A filter or topic for people and integrations: valid UTF-8 without control characters, at most 16 levels. */
export function isPlainFilter(filter: string): boolean {
  if (filter.length === 0 || filter.length > 1024) return false
  for (const char of filter) {
    const code = char.codePointAt(0) ?? 0
    const control = code < 0x20 || (code >= 0x7f && code < 0xa0)
    const surrogate = code >= 0xd800 && code <= 0xdfff
    if (control || surrogate || code === 0xfffd) return false
  }
  return filter.split('/').length <= maxLevels
}

/** Whether an MQTT filter matches a topic [MQTT-4.7.1]; topics that begin with `$` are matched by no leading wildcard. */
export function matches(filter: string, topic: string): boolean {
  if (topic.startsWith('$') && (filter.startsWith('#') || filter.startsWith('+'))) return false
  const wanted = filter.split('/')
  const levels = topic.split('/')
  for (let i = 0; i < wanted.length; i++) {
    if (wanted[i] === '#') return true
    if (i >= levels.length || (wanted[i] !== '+' && wanted[i] !== levels[i])) return false
  }
  return wanted.length === levels.length
}
