import type { Watched, WatchedField } from '../telemetry/watched.js'
import { calmOf, needsEach } from './calm.js'
import { leavesOf } from './condition.js'
import type { Due } from './deadlines.js'
import { RuleState } from './engine.js'
import type { Moment } from './history.js'
import type { Line } from './outbox.js'
import { type LivingRule, maxStates, type Scopes, type WatchedDevice } from './scopes.js'

/** One rule for one device, as it is evaluated. */
export interface Watching extends Due, Line {
  living: LivingRule
  device: WatchedDevice
  state: RuleState
  /** When the last of what was told of it came to be so. */
  told_at: number
  /** What has come while it is found out what the rule has come to; null when that is known. */
  queue: Moment[] | null
}

/** What is watched of one device: each kind of input with the rules that want it. */
export interface OfDevice {
  readonly device: WatchedDevice
  readonly all: Watching[]
  /** By the numbers under which readings are told. */
  readonly readings: Map<number, Watching[]>
  readonly state: Watching[]
  readonly events: Watching[]
  readonly heard: Watching[]
  readonly presence: Watching[]
}

function add<Key, One>(lists: Map<Key, One[]>, key: Key, one: One): void {
  const list = lists.get(key)
  if (list) list.push(one)
  else lists.set(key, [one])
}

const keyOf = (rule_id: string, device_id: string) => `${rule_id}/${device_id}`

/** Every rule with every device that it applies to, found by what a message says of itself. */
export class Watchings {
  #known = new Map<string, Watching>()
  #byNum = new Map<number, OfDevice>()
  #byId = new Map<string, OfDevice>()
  /** The names of fields by the numbers under which they are told, which never change: odd ones where each reading is. */
  readonly fields: string[] = []
  readonly #numbers = new Map<string, number>()

  ofNum(num: number): OfDevice | undefined {
    return this.#byNum.get(num)
  }

  ofId(device_id: string): OfDevice | undefined {
    return this.#byId.get(device_id)
  }

  get devices(): Iterable<OfDevice> {
    return this.#byNum.values()
  }

  /** How many rules times devices there are. */
  get size(): number {
    return this.#known.size
  }

  /** Whether a rule is evaluated for a device, and raises alerts of the same key. */
  has({ id, key }: { readonly id: string; readonly key: string }, device_id: string): boolean {
    return this.#known.get(keyOf(id, device_id))?.living.rule.key === key
  }

  /** Makes what is evaluated what it shall be. What stays as it was goes on. @returns what is gone */
  replace({ pairs, rules, devices }: Scopes): Watching[] {
    const before = this.#known
    this.#known = new Map()
    for (const { rule_id, device_id } of pairs.slice(0, maxStates)) {
      const [living, device] = [rules.get(rule_id), devices.get(device_id)]
      if (!living || !device) continue
      const key = keyOf(rule_id, device_id)
      const known = before.get(key)
      const stays = known?.living.mark === living.mark && known.device.num === device.num
      const watching = stays && known ? Object.assign(known, { living, device }) : newWatching(living, device)
      this.#known.set(key, watching)
      if (stays) before.delete(key)
    }
    this.#index()
    return [...before.values()]
  }

  #index(): void {
    this.#byNum = new Map()
    this.#byId = new Map()
    for (const watching of this.#known.values()) {
      const { device, living } = watching
      const of = this.#byNum.get(device.num) ?? newDevice(device)
      this.#byNum.set(device.num, of)
      this.#byId.set(device.id, of)
      const { needs } = living
      of.all.push(watching)
      for (const number of this.#numbersOf(watching)) add(of.readings, number, watching)
      if (needs.state) of.state.push(watching)
      if (needs.events) of.events.push(watching)
      if (needs.silence) of.heard.push(watching)
      if (needs.presence) of.presence.push(watching)
    }
  }

  /** What the writer's thread is to tell. */
  watched(): Watched {
    const devices = new Map<number, readonly WatchedField[]>()
    for (const { device, readings } of this.#byNum.values()) {
      const fields = [...readings].map(([number, watchings]) => {
        const name = this.fields[number] ?? ''
        const leaves = watchings.flatMap(({ living }) => leavesOf(living.timing.condition))
        return { number, name, calm: number % 2 === 1 ? null : calmOf(name, leaves) }
      })
      if (fields.length > 0) devices.set(device.num, fields)
    }
    return devices
  }

  #numbersOf({ living: { needs, timing } }: Watching): number[] {
    const leaves = leavesOf(timing.condition)
    return [...needs.fields].map(field => this.#numberOf(field) + Number(needsEach(field, leaves)))
  }

  #numberOf(field: string): number {
    const known = this.#numbers.get(field)
    if (known !== undefined) return known
    const number = this.fields.push(field, field) - 2
    this.#numbers.set(field, number)
    return number
  }
}

const newWatching = (living: LivingRule, device: WatchedDevice): Watching => ({
  living,
  device,
  state: new RuleState(living.timing, Date.now()),
  told_at: 0,
  queue: [],
  place: -1,
  due_at: 0,
  waiting: [],
  sending: null,
})

const newDevice = (device: WatchedDevice): OfDevice => ({
  device,
  all: [],
  readings: new Map(),
  state: [],
  events: [],
  heard: [],
  presence: [],
})
