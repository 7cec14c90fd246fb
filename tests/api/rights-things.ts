import { createSchedule } from '../../src/commands/schedules.js'
import { createClaim } from '../../src/devices/claims.js'
import { createDevice } from '../../src/devices/devices.js'
import { createKey } from '../../src/devices/keys.js'
import { addToGroup, createGroup } from '../../src/groups/groups.js'
import { setMember } from '../../src/homes/members.js'
import { createRoom } from '../../src/homes/rooms.js'
import { newId, newSortableId } from '../../src/ids.js'
import { createServiceToken } from '../../src/people/service-tokens.js'
import { logIn } from '../../src/people/sessions.js'
import { createUser } from '../../src/people/users.js'
import { quarantine } from '../../src/quarantine/quarantine.js'
import { createRule } from '../../src/rules/rules.js'
import type { Started } from './harness.js'
import { notificationThingsOf } from './rights-notifications.js'

/** Of a rule: what never is so. */
export const someCondition = { type: 'no_data', seconds: 86_400 } as const

/** A thing made anew for each question, so that no answer depends on the one before. Gives the path's parameters and the body. */
export interface Asked {
  readonly path?: Record<string, string>
  readonly query?: string
  readonly body?: object
  readonly raw?: string | Buffer
  readonly headers?: Record<string, string>
}

/** Makes what a route is asked about, in the home `mine`, which somebody with the user name `owner` owns. */
export function thingsOf(hub: () => Started) {
  /** A device in `mine`, new. */
  async function device(): Promise<string> {
    const id = newId()
    await createDevice(hub().store.db, { id, name: id, type: 'x', home_id: 'mine' })
    return id
  }
  const onDevice =
    (body?: object, query = '') =>
    async (): Promise<Asked> => ({ path: { id: await device() }, query, ...(body && { body }) })
  const asDevice =
    (query = '') =>
    async (): Promise<Asked> => ({ query: `?device=${await device()}${query}` })
  const asFile = async (): Promise<Asked> => ({
    path: { id: await device() },
    raw: 'ts,a\r\n1735689600000,1\r\n',
    headers: { 'content-type': 'text/csv' },
  })
  const plain = (body?: object) => async (): Promise<Asked> => (body ? { body } : {})
  const home = (body?: object) => async (): Promise<Asked> => ({ path: { id: 'mine' }, ...(body && { body }) })
  const inRoom = (body?: object) => async (): Promise<Asked> => {
    const room = await createRoom(hub().store.db, 'mine', 'hall')
    return { path: { id: room.id }, ...(body && { body }) }
  }
  const person = async () => {
    const username = `p${newId()}`
    const email = `${username}@example.org`
    return createUser(hub().store.db, { email, username, role: 'user', password_hash: 'none' })
  }
  const onPerson = (body?: object) => async (): Promise<Asked> => ({
    path: { id: (await person()).id },
    ...(body && { body }),
  })
  const asMember = (body?: object) => async (): Promise<Asked> => {
    const { id: user_id } = await person()
    await setMember(hub().store.db, 'mine', user_id, 'member')
    return { path: { id: 'mine', user_id }, ...(body && { body }) }
  }
  const onCommand = async (): Promise<Asked> => {
    const wanted = {
      device_id: await device(),
      home_id: 'mine',
      name: 'x',
      params: {},
      ttl_seconds: 60,
      issued_by: 'test',
    }
    return { path: { id: (await hub().commands.issue(wanted)).command.id } }
  }
  const ofDevice = async () => ({ device_id: await device() })
  const onAlert = (body?: object) => async (): Promise<Asked> => {
    const what = { home_id: 'mine', device_id: await device(), key: 'x', source: 'person', data: null } as const
    const raise = { ...what, severity: 'warning', message: 'x', at: Date.now(), actor: 'person/test' } as const
    return { path: { id: (await hub().alerts.raise(raise)).id }, ...(body && { body }) }
  }
  const onSchedule = (body?: object) => async (): Promise<Asked> => {
    const order = { name: 'x', params: {}, ttl_seconds: 60, collapse_key: null, created_by: 'test' }
    const times = { at: null, cron: '0 18 * * *', timezone: 'UTC' }
    const made = await createSchedule(hub().store.db, { device_id: await device() }, { ...order, ...times })
    return { path: { id: made.id }, ...(body && { body }) }
  }
  const onRule = (body?: object) => async (): Promise<Asked> => {
    const scope = { home_id: 'mine', device_id: null, group_id: null, type: null }
    const says = { name: 'x', severity: 'info', message: null, condition: someCondition, active_hours: null } as const
    const rest = { enabled: true, auto_clear: true, clear_after_seconds: 0, created_by: 'test' }
    return {
      path: { id: (await createRule(hub().store.db, { ...scope, ...says, ...rest })).id },
      ...(body && { body }),
    }
  }
  const onGroup = (body?: object) => async (): Promise<Asked> => ({
    path: { id: await newGroup() },
    ...(body && { body }),
  })
  async function newGroup(): Promise<string> {
    const made = await createGroup(hub().store.db, {
      name: 'g',
      description: null,
      colour: null,
      user_id: await ownerId(),
    })
    await addToGroup(hub().store.db, made.id, await device())
    return made.id
  }
  const ownerId = async () =>
    (await hub().store.db.selectFrom('users').select('id').where('username', '=', 'owner').executeTakeFirstOrThrow()).id
  const inGroup = async (): Promise<Asked> => {
    const id = await newGroup()
    const device_id = await device()
    await addToGroup(hub().store.db, id, device_id)
    return { path: { id, device_id } }
  }
  const onQuarantine = async (): Promise<Asked> => {
    const kept = {
      topic: 'telemetry',
      payload: Buffer.from('{"a":1}'),
      reason: 'invalid_payload',
      message: 'x',
      received_at: 1,
    }
    return { path: { id: await quarantine(hub().store.db, { device_id: await device(), home_id: 'mine', ...kept }) } }
  }
  const onToken = async (): Promise<Asked> => {
    const wanted = { name: 'x', publish: [], subscribe: [], api: 'none', expires_at: null, created_by: 'test' } as const
    const { token } = await createServiceToken(hub().store.db, { ...wanted, publish: [], subscribe: [] })
    return { path: { id: token.id } }
  }
  const refreshToken = async (): Promise<Asked> => ({
    body: { refresh_token: (await logIn(hub().store.db, hub().signing_keys, hub().user)).refresh_token },
  })
  /** A session of the owner's. */
  const onSession = async (): Promise<Asked> => {
    const id = newSortableId()
    const times = { created_at: Date.now(), last_used_at: Date.now(), generation: 0 }
    const row = { id, user_id: await ownerId(), ...times, address: null, user_agent: null }
    await hub().store.db.insertInto('sessions').values(row).execute()
    return { path: { id } }
  }
  const onKey = async (): Promise<Asked> => {
    const id = await device()
    return { path: { id, key_id: (await createKey(hub().store.db, id)).key.id } }
  }
  const onClaim = async (): Promise<Asked> => {
    const wanted = {
      home_id: 'mine',
      room_id: null,
      type: null,
      name: null,
      created_by: 'x',
      expires_at: Date.now() + 60_000,
    }
    return { path: { id: 'mine', claim_id: (await createClaim(hub().store.db, wanted)).claim.id } }
  }
  const newPerson = () => {
    const username = `n${newId()}`
    return { username, email: `${username}@example.org` }
  }

  return {
    ofDevice,
    onAlert,
    ...notificationThingsOf(hub),
    onDevice,
    asDevice,
    asFile,
    plain,
    home,
    inRoom,
    person,
    onPerson,
    asMember,
    onCommand,
    onSchedule,
    onRule,
    onGroup,
    newGroup,
    inGroup,
    onQuarantine,
    onToken,
    refreshToken,
    onSession,
    onKey,
    onClaim,
    newPerson,
  }
}
