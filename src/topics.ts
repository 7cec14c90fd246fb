/**
 * The topic grammar, spelled here and nowhere else. A device says `devices/{id}/…`; the broker mounts that at
 * `homes/{home_id}/devices/{id}/…` (D4), which is the name that everybody else knows.
 */

export const idPattern = /^[a-z0-9_-]{1,64}$/

/** What a device may say: the topic below its own prefix. `alert/{key}` is the one with a level of its own. */
export const inbound = ['telemetry', 'heartbeat', 'state', 'event', 'log', 'hello', 'commands/result', 'alert'] as const
/** What the hub says to a device, below the same prefix. */
export const outbound = ['commands', 'commands/cancel', 'desired', 'time', 'errors', 'presence', 'recordings'] as const
/** What the hub has retained of a device: published again from the device's rows at every start. */
export const restored = ['presence', 'state', 'desired'] as const
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

/** `homes/{home_id}/alerts`: every change of an alert in a home. */
export const homeAlertsTopic = (home_id: string) => `homes/${home_id}/alerts`
/** `homes/{home_id}/alerts/{id}`: an alert as it is, retained until it is closed. */
export const alertTopic = (home_id: string, id: string) => `${homeAlertsTopic(home_id)}/${id}`

/** `users/{user_id}/homes`: the homes of somebody, whenever they have become others. */
export const ownHomesTopic = (user_id: string) => `users/${user_id}/homes`

/** `desired` below a device's mount. */
export const wishTopic = (mount: string) => `${mount}desired`

/** What a device with a claim code says and hears, in a place of its own. */
export const provisionRequest = 'provision/request'
export const provisionResponse = 'provision/response'

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

/** Whether a topic filter takes in every topic that another one does: `homes/+/#` covers `homes/h/devices/+/state`. */
export function covers(wide: string, narrow: string): boolean {
  if (narrow.startsWith('$') && !wide.startsWith('$')) return false
  const wanted = narrow.split('/')
  const levels = wide.split('/')
  for (let i = 0; i < levels.length; i++) {
    if (levels[i] === '#') return true
    const level = wanted[i]
    if (level === undefined || level === '#' || (levels[i] !== '+' && levels[i] !== level)) return false
  }
  return levels.length === wanted.length
}

/** Whether `#` and `+` stand only where they may [MQTT-4.7.1-2], [MQTT-4.7.1-3]. */
export function isFilter(filter: string): boolean {
  if (!filter.includes('#') && !filter.includes('+')) return true
  const levels = filter.split('/')
  return levels.every((name, i) =>
    name.includes('#') ? name === '#' && i === levels.length - 1 : !name.includes('+') || name === '+',
  )
}

/** A topic that a program may publish on: plain, and without wildcards [MQTT-3.3.2-2]. */
export const isTopic = (topic: string): boolean => isPlainFilter(topic) && !/[#+]/.test(topic)

/** A device's topic as everybody else spells it, taken apart; null when it is none. */
export function parseMounted(topic: string): { home_id: string; device_id: string; rest: string } | null {
  const [root, home_id = '', below, device_id = '', ...rest] = topic.split('/')
  if (root !== 'homes' || below !== 'devices' || rest.length === 0) return null
  return idPattern.test(home_id) && idPattern.test(device_id) ? { home_id, device_id, rest: rest.join('/') } : null
}

const alertTopics = /^homes\/[^/]+\/alerts\/[^/]+$/

/** What the hub retains from rows: no broker needs to keep it. */
export const isRestoredTopic = (topic: string): boolean =>
  alertTopics.test(topic) || restored.some(rest => rest === parseMounted(topic)?.rest)

/** What only the hub says: below a device's prefix what goes out to it, below a home's what it tells of the home, and all to people. */
export function isHubTopic(topic: string): boolean {
  const device = parseMounted(topic)
  if (device) return outbound.some(kind => kind === device.rest)
  const [root, , rest, ...more] = topic.split('/')
  return (
    root === 'devices' ||
    root === 'users' ||
    (root === 'homes' && (rest === 'alerts' || (rest === 'commands' && more.length === 0)))
  )
}
