import { Command } from 'commander'
import { pino } from 'pino'
import { loadConfig } from '../../config/config.js'
import { record, system } from '../audit/audit.js'
import { writeHead } from '../audit/head.js'
import { openData } from '../data.js'
import { createDevice } from '../devices/devices.js'
import { createKey } from '../devices/keys.js'
import { HubError } from '../errors.js'
import { addToGroup, createGroup } from '../groups/groups.js'
import { createHome, ensureDefaultHome } from '../homes/homes.js'
import { setMember } from '../homes/members.js'
import { createRoom } from '../homes/rooms.js'
import { newId } from '../ids.js'
import { hashPassword, newPassword } from '../people/passwords.js'
import { createUser } from '../people/users.js'
import { inTransaction } from '../store/in-transaction.js'
import type { Db } from '../store/store.js'
import { print, table } from './output.js'

export const seedCommand = () =>
  new Command('seed')
    .description('fill an empty hub with people, homes, rooms, devices and groups to try it with')
    .option('--force', 'also where there are people already')
    .option('--json', 'as JSON')
    .action(seed)

const people = [
  { word: 'admin', role: 'admin' },
  { word: 'staff', role: 'staff' },
  { word: 'owner', role: 'user' },
  { word: 'technician', role: 'user' },
  { word: 'member', role: 'user' },
] as const

const homes = [
  {
    name: 'Town house',
    timezone: 'Europe/Paris',
    rooms: { 'Living room': ['thermostat', 'light'], Hall: ['lock', 'light'], Cellar: ['power_meter'] },
  },
  {
    name: 'Seaside flat',
    timezone: 'Europe/Lisbon',
    rooms: { Balcony: ['weather'], Bedroom: ['thermostat', 'light'] },
  },
] as const

interface Seeded {
  readonly people: { username: string; password: string; role: string }[]
  readonly homes: { id: string; name: string }[]
  readonly devices: { id: string; name: string; home_id: string; api_key: string }[]
  readonly groups: { id: string; name: string }[]
}

async function seed({ force = false, json = false }: { force?: boolean; json?: boolean }): Promise<void> {
  const config = loadConfig()
  const { store, close } = await openData(config, pino({ level: 'silent' }))
  try {
    const seeded = await fill(store.db, force)
    await writeHead(store.db, config.data_dir)
    print(seeded, json, () => lines(seeded))
  } finally {
    await close()
  }
}

async function fill(db: Db, force: boolean): Promise<Seeded> {
  const known = await db.selectFrom('users').select('id').limit(1).executeTakeFirst()
  if (known && !force)
    throw new HubError('conflict', 'There are people in this database already. --force adds these all the same.')
  // Names of a second seeding must not clash with those of the first.
  const suffix = known ? `-${newId().slice(0, 4)}` : ''
  const passwords = await Promise.all(
    people.map(async () => {
      const password = newPassword()
      return { password, password_hash: await hashPassword(password) }
    }),
  )
  await ensureDefaultHome(db)
  return inTransaction(db, async tx => {
    const made: Seeded = { people: [], homes: [], devices: [], groups: [] }
    const ids = new Map<string, string>()
    for (const [i, { word, role }] of people.entries()) {
      const username = word + suffix
      const { password = '', password_hash = '' } = passwords[i] ?? {}
      const user = await createUser(tx, { email: `${username}@example.org`, username, role, password_hash })
      ids.set(word, user.id)
      made.people.push({ username, password, role: role === 'user' ? word : role })
    }
    await addHomes(tx, ids, made)
    await addGroup(tx, ids.get('owner') ?? null, made)
    await record(tx, { actor: system, action: 'seed', outcome: 'done', detail: { people: made.people.length } })
    return made
  })
}

async function addHomes(tx: Db, people: ReadonlyMap<string, string>, made: Seeded): Promise<void> {
  for (const { name, timezone, rooms } of homes) {
    const { id: home_id } = await createHome(tx, { name, timezone })
    made.homes.push({ id: home_id, name })
    await setMember(tx, home_id, people.get('owner') ?? '', 'owner')
    await setMember(tx, home_id, people.get('technician') ?? '', 'technician')
    for (const [room, types] of Object.entries(rooms)) {
      const { id: room_id } = await createRoom(tx, home_id, room)
      for (const type of types) {
        const name = `${room} ${type.replace('_', ' ')}`
        const { id } = await createDevice(tx, { name, type, home_id, room_id })
        made.devices.push({ id, name, home_id, api_key: (await createKey(tx, id)).api_key })
      }
    }
  }
  await setMember(tx, made.homes[0]?.id ?? '', people.get('member') ?? '', 'member')
}

async function addGroup(tx: Db, user_id: string | null, made: Seeded): Promise<void> {
  const group = await createGroup(tx, { name: 'All lights', description: 'In both homes', colour: '#ffcc00', user_id })
  for (const { id, name } of made.devices) if (name.endsWith('light')) await addToGroup(tx, group.id, id)
  made.groups.push({ id: group.id, name: group.name })
}

const lines = ({ people, homes, devices }: Seeded) => [
  ...table([['WHO', 'USER NAME', 'PASSWORD'], ...people.map(one => [one.role, one.username, one.password])]),
  '(passwords and keys are shown this once)',
  '',
  ...table([['HOME', 'ID'], ...homes.map(({ name, id }) => [name, id])]),
  '',
  ...table([['DEVICE', 'ID', 'API KEY'], ...devices.map(({ name, id, api_key }) => [name, id, api_key])]),
]
