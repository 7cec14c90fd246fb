import { sql } from 'kysely'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { clearAlert, raiseAlert } from '../../src/alerts/rows.js'
import { startHub, type TestHub } from '../helper.js'

interface Step {
  readonly action: string
  readonly actor: string
}

let hub: TestHub
beforeEach(async () => {
  hub = await startHub()
  await hub.device('door')
})
afterEach(() => hub.close())

const db = () => hub.hub.store.db
const what = () => ({ home_id: 'home', device_id: 'door', key: 'open', at: Date.now(), actor: 'device/door' })
const raise = () =>
  raiseAlert(db(), 'it', { ...what(), source: 'device', severity: 'minor', message: 'Door open', data: null })
const act = (what: string, body: object = {}) => hub.client.post(`/alerts/it/${what}`, body)
const timeline = async () => (await hub.client.get<{ timeline: Step[] }>('/alerts/it/timeline')).timeline
const ofPeople = async () =>
  (await timeline()).filter(({ actor }) => actor.startsWith('person/')).map(({ action }) => action)
const count = async (...actions: string[]) => (await timeline()).filter(({ action }) => actions.includes(action)).length

/** As if these steps had been made so often. */
const made = (actions: readonly string[], times: number) =>
  sql`with recursive so_often(n) as (select 1 union all select n + 1 from so_often where n < ${times})
    insert into alert_steps (alert_id, at, action, actor, status, severity)
    select 'it', 1, value, 'device/door', 'open', 'minor' from so_often, json_each(${JSON.stringify(actions)})`.execute(
    db(),
  )

test('what people do is in the timeline however often an alert came and went', async () => {
  await raise()
  await act('escalate')
  await made(['cleared', 'raised_again'], 500)
  await clearAlert(db(), what())
  await raise()
  await act('close')
  const steps = await timeline()
  expect(await count('cleared', 'raised_again')).toBe(1000)
  expect(await ofPeople()).toEqual(['escalated', 'closed'])
  expect(steps.slice(-3).map(({ action }) => action)).toEqual(['cleared', 'raised_again', 'closed'])
  expect(steps[0]?.action).toBe('raised')
})

test('of a thousand acknowledgements and escalations the oldest make room', async () => {
  await raise()
  await made(['commented'], 1000)
  await made(['escalated'], 1500)
  for (const move of ['ack', 'escalate', 'close']) await act(move)
  expect(await ofPeople()).toEqual(['acknowledged', 'escalated', 'closed'])
  expect(await count('acknowledged', 'escalated')).toBe(1000)
  const steps = await timeline()
  expect([steps.length, steps[0]?.action, steps.at(-1)?.action]).toEqual([2002, 'raised', 'closed'])
})

test('an alert takes a thousand comments; without another it is still seen to', async () => {
  await raise()
  await made(['commented'], 999)
  await act('comments', { comment: 'the last' })
  const refused = { code: 'conflict', message: expect.stringContaining('1000 comments') }
  await expect(act('comments', { comment: 'one more' })).rejects.toMatchObject(refused)
  await expect(act('ack', { comment: 'one more' })).rejects.toMatchObject(refused)
  expect(await ofPeople()).toEqual(['commented'])
  await act('ack')
  expect(await ofPeople()).toEqual(['commented', 'acknowledged'])
})

test('of more steps than are read, as older hubs kept them, those are left out that came first', async () => {
  await raise()
  await made(['commented'], 4500)
  await act('close')
  const steps = await timeline()
  expect([steps.length, steps.at(-1)?.action]).toEqual([4000, 'closed'])
})
