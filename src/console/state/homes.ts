import { batch, computed, type Signal, signal } from '@preact/signals'
import type { Message } from '../../client/live.ts'
import type { Alert, Device, Home, Member, Room } from '../../client/routes.js'
import { ownHomesTopic } from '../../topics.ts'
import { follow } from './live.ts'
import { isFor, type Place } from './places.ts'
import { questions } from './questions.ts'
import { readHomes, readWhole } from './read-homes.ts'
import { isObject, type Latest, newest, parsed, readingsOf, toldIn } from './readings.ts'
import { person } from './session.ts'
import { byName } from './sorted.ts'

/** A device that moves by itself: whoever shows one is drawn anew for it alone. */
export interface LiveDevice {
  readonly device: Signal<Device>
  readonly latest: Signal<Latest>
}

export const homes = signal<readonly Home[]>([])
export const rooms = signal<readonly Room[]>([])
export const devices = signal<ReadonlyMap<string, LiveDevice>>(new Map())
/** Those that are not closed, by id. */
const alerts = signal<ReadonlyMap<string, Alert>>(new Map())
/** As what this person belongs to homes, by their ids: as anything, they may do more than read. */
const roles = signal<ReadonlyMap<string, Member['role']>>(new Map())
export const progress = signal<'loading' | 'ready' | Error>('loading')

export const mayAct = (home_id: string) => person.value?.role === 'admin' || roles.value.has(home_id)
/** Whether this person may change what there is in a home. */
export const mayOwn = (home_id: string) => person.value?.role === 'admin' || roles.value.get(home_id) === 'owner'
/** Those in which this person may change what there is. */
export const ownHomes = () => homes.value.filter(({ id }) => mayOwn(id))
/** Whether I may see what a place shows. */
export const isForMe = (place: Place) => isFor(place, person.value?.role, ownHomes().length > 0)
export const homeOf = (id: string) => homes.value.find(home => home.id === id)
export const zoneOf = (home_id: string) => homeOf(home_id)?.timezone ?? 'UTC'
/** The worst first. */
export const severities: readonly Alert['severity'][] = ['critical', 'major', 'minor', 'warning', 'info']
const rank = ({ severity }: Alert) => severities.indexOf(severity)
/** The worst first, and of those that are as bad the newest. */
export const openAlerts = computed(() =>
  [...alerts.value.values()].sort((a, b) => rank(a) - rank(b) || b.last_raised_at - a.last_raised_at),
)

/** By the ids of their rooms: looked through once, however many rooms there are. */
export const devicesInRooms = computed(() => {
  const inRooms = new Map<string, LiveDevice[]>()
  for (const entry of devices.value.values()) {
    const { room_id } = entry.device.value
    if (room_id === null) continue
    const others = inRooms.get(room_id)
    if (others) others.push(entry)
    else inRooms.set(room_id, [entry])
  }
  return inRooms
})

const kinds = ['devices/+/telemetry', 'devices/+/presence', 'devices/+/hello', 'alerts']

/** Reads all homes, and keeps them as they are from then on, also which they are. @returns what ends it */
export function openHomes(): () => void {
  const mine = ownHomesTopic(person.value?.id ?? '')
  let stop: (() => void) | null = null
  let isOver = false
  let listened: string | null = null
  let turn = 0
  let wantsWhole = false
  /** Hears what happens in them, once they are shown; when it is heard, what happened until then is read. */
  const listen = () => {
    const ids = idsOf(homes.value)
    if (isOver || ids === listened) return
    listened = ids
    const former = stop
    const filters = homes.value.flatMap(({ id }) => kinds.map(kind => `homes/${id}/${kind}`))
    stop = follow([mine, ...filters], {
      heard: message => (message.topic === mine ? void look(true) : heard(message)),
      resumed: () => void look(true),
    })
    former?.()
  }
  /** @param isWhole whether also what is in them may have become another while nobody heard of it */
  const look = (isWhole: boolean) =>
    load(async () => {
      wantsWhole ||= isWhole
      const own = ++turn
      const found = await readHomes()
      if (isOver || own !== turn) return
      const isNew = idsOf(found) !== listened
      homes.value = found
      if (!isNew && !wantsWhole) return
      wantsWhole = false
      await readAll()
      listen()
    })
  // Who sees all homes is not told of those that others make.
  const shown = () => {
    if (document.visibilityState === 'visible' && progress.value === 'ready') void look(false)
  }
  document.addEventListener('visibilitychange', shown)
  void look(true)
  return () => {
    isOver = true
    stop?.()
    document.removeEventListener('visibilitychange', shown)
    clear()
  }
}

const idsOf = (found: readonly Home[]) =>
  found
    .map(({ id }) => id)
    .sort()
    .join(' ')

function clear(): void {
  drop()
  batch(() => {
    homes.value = []
    rooms.value = []
    roles.value = new Map()
    devices.value = new Map()
    alerts.value = new Map()
    progress.value = 'loading'
  })
}

/** What was shown stays where only a later reading fails: the banner says that nobody answers. */
async function load(read: () => Promise<void>): Promise<void> {
  try {
    await read()
  } catch (error) {
    if (progress.value !== 'ready') progress.value = error instanceof Error ? error : new Error(String(error))
  }
}

const { ask, note, drop } = questions<() => void>()

/** Changes something of what is shown, and of what is on its way to be shown: that may be older. */
function change(run: () => void): void {
  note(run)
  run()
}

const readAll = () =>
  ask(
    () => readWhole(homes.value),
    (whole, since) => batch(() => showWhole(whole, since)),
  )

function showWhole(
  [{ assignments }, found, open, inHomes]: Awaited<ReturnType<typeof readWhole>>,
  since: readonly (() => void)[],
): void {
  roles.value = new Map(assignments.map(({ home, role }) => [home.id, role]))
  rooms.value = inHomes.flatMap(home => home.rooms)
  devices.value = new Map(found.map(device => [device.id, entryOf(device)]))
  for (const { device_id, latest } of inHomes.flatMap(home => home.latest))
    hearReadings(
      device_id,
      Object.entries(latest).map(([field, reading]) => ({ field, reading })),
    )
  alerts.value = new Map(open.map(alert => [alert.id, alert]))
  progress.value = 'ready'
  for (const run of since) run()
}

/** A device keeps its entry, so that what shows it stays what it is. */
function entryOf(device: Device): LiveDevice {
  const known = devices.value.get(device.id)
  if (!known) return { device: signal(device), latest: signal({}) }
  // Whoever shows it is drawn anew only for what is new.
  if (JSON.stringify(known.device.value) !== JSON.stringify(device)) known.device.value = device
  return known
}

function hearReadings(device_id: string, readings: ReturnType<typeof readingsOf>): void {
  const entry = devices.value.get(device_id)
  if (entry) entry.latest.value = newest(entry.latest.value, readings)
  else readSoon()
}

let willRead = false
/** Something was said of a device that is not known here: it is new. */
function readSoon(): void {
  if (willRead || progress.value !== 'ready') return
  willRead = true
  setTimeout(() => {
    willRead = false
    void load(readAll)
  }, 1000)
}

function heard({ topic, payload, retained }: Message): void {
  const [, , kind, id = '', rest] = topic.split('/')
  if (kind === 'alerts') hearAlert(payload)
  // Readings have their time: of two the newer one stays.
  else if (rest === 'telemetry') hearReadings(id, readingsOf(payload, Date.now()))
  else if (rest === 'presence') change(() => hearPresence(id, payload))
  else if (!retained) change(() => hearHello(id, parsed(payload)))
}

function hearHello(id: string, hello: unknown): void {
  const entry = devices.value.get(id)
  if (!entry) readSoon()
  else if (isObject(hello)) entry.device.value = { ...entry.device.value, hello }
}

function hearPresence(id: string, payload: string): void {
  const said = parsed(payload)
  const entry = devices.value.get(id)
  // What was retained of a device is taken back where it is deleted, or moves to another home.
  if (!entry || payload === '') readSoon()
  if (!entry || !isObject(said)) return
  const { status, last_seen_at } = said as Pick<Device, 'last_seen_at'> & { status: Device['presence'] }
  entry.device.value = { ...entry.device.value, presence: status, connected: status === 'online', last_seen_at }
}

/** A device as the hub has just answered, new or changed. */
export const showDevice = (device: Device): void =>
  change(() => {
    const entry = entryOf(device)
    if (devices.value.get(device.id) !== entry) devices.value = new Map(devices.value).set(device.id, entry)
  })

/** A device that was deleted. */
export const forgetDevice = (id: string): void =>
  change(() => {
    const next = new Map(devices.value)
    next.delete(id)
    devices.value = next
  })

/** A home as the hub has just answered, new or changed. */
export function showHome(home: Home): void {
  homes.value = byName([...homes.value.filter(({ id }) => id !== home.id), home])
}

/** A home that was deleted. */
export function forgetHome(id: string): void {
  homes.value = homes.value.filter(home => home.id !== id)
}

/** A room as the hub has just answered, new or renamed. */
export const showRoom = (room: Room): void =>
  change(() => {
    const others = rooms.value.filter(({ id }) => id !== room.id)
    rooms.value = byName([...others, room])
  })

/** A room that was deleted: its devices are in none. */
export const forgetRoom = (id: string): void =>
  change(() =>
    batch(() => {
      rooms.value = rooms.value.filter(room => room.id !== id)
      for (const { device } of devices.value.values())
        if (device.value.room_id === id) device.value = { ...device.value, room_id: null }
    }),
  )

/** An alert as it is now, from the hub's answer or as it was told live. */
export const showAlert = (alert: Alert): void =>
  change(() => {
    const known = alerts.value.get(alert.id)
    if (known && known.updated_at > alert.updated_at) return
    const next = new Map(alerts.value)
    if (alert.status === 'closed') next.delete(alert.id)
    else next.set(alert.id, alert)
    alerts.value = next
  })

function hearAlert(payload: string): void {
  const alert = toldIn('alert', payload)
  if (alert) showAlert(alert)
}
