import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Transition } from '../../src/rules/engine.js'
import { updateRule } from '../../src/rules/rules.js'
import { startHub, type TestHub } from '../helper.js'
import { above, makeRule, type ShownRule } from '../rules/rules.js'

let hub: TestHub
beforeAll(async () => {
  hub = await startHub()
})
afterAll(() => hub.close())

const minute = 60_000
const begun = Math.floor(Date.now() / minute) * minute - 60 * minute
const client = () => hub.client

interface Tested {
  readonly active_at_start: boolean
  readonly transitions: readonly Transition[]
  readonly moments: number
  readonly until: number
}

const replay = (device_id: string, condition: object, more: object = {}) =>
  client().post<Tested>('/alert-rules/test', {
    device_id,
    condition,
    start_time: begun,
    end_time: begun + 60 * minute,
    ...more,
  })

/** A device that has said these values, one a minute. */
async function recorded(id: string, values: readonly number[]): Promise<void> {
  const sensor = await hub.connect(id, await hub.device(id))
  const points = values.map((t, i) => ({ ts: begun + i * minute, data: { t } }))
  await sensor.publishAsync(`devices/${id}/telemetry`, JSON.stringify(points), { qos: 1 })
}

const when = ({ transitions }: Tested) =>
  transitions.map(({ kind, at }) => `${kind === 'raised' ? '+' : '-'}${(at - begun) / minute}`).join(' ')

test('a recorded period is replayed: when the alert would have been raised, and cleared', async () => {
  await recorded('past', [1, 9, 9, 1, 9, 9, 9, 9, 1])
  expect(when(await replay('past', above(5)))).toBe('+1 -3 +4 -8')
  expect(when(await replay('past', above(5, { for_seconds: 120 })))).toBe('+3 -3 +6 -8')
  expect(when(await replay('past', above(5), { clear_after_seconds: 120 }))).toBe('+1 -10')
  expect(when(await replay('past', { type: 'no_data', field: 't', seconds: 600 }))).toBe('-0 +18')
  const { transitions, moments, until } = await replay('past', above(5), { end_time: begun + 3 * minute })
  expect(transitions).toMatchObject([{ kind: 'raised', reason: 't is 9, above 5', values: { t: 9 } }])
  expect([moments, until]).toEqual([3, begun + 3 * minute])
})

test('what was so when the period begins is told, and not as if it began then', async () => {
  await recorded('long', [9, 9, 9, 9, 1])
  const condition = above(5, { for_seconds: 60 })
  const found = await replay('long', condition, { start_time: begun + 2 * minute })
  expect([found.active_at_start, when(found)]).toEqual([true, '-4'])
})

test.each([
  ['which is no condition', { condition: { type: 'regex' } }, 'body/condition'],
  [
    'with a fault deep within',
    { condition: { all: [{ any: [above(5, { above: 'x' })] }] } },
    'body/condition/all/0/any/0/above',
  ],
  ['of two scopes', { device_id: 'past', group_id: 'x' }, 'body: wants one of'],
  ['of nothing', { home_id: undefined }, 'body: wants home_id or device_id'],
  ['at no time of the day', { active_hours: { from: '24:00', to: '06:00' } }, 'body/active_hours/from'],
  ['with a word that stands for nothing', { message: '{field}: {vaule}' }, 'body/message: {vaule} stands for nothing'],
  ['with a word as long as a message', { message: `{${'x'.repeat(400)}}` }, 'there are {device}, {device_id}, {rule},'],
  ['with a name that is not known', { regex: '(a+)+' }, 'body'],
])('a rule %s is refused, and where its fault is', async (_, more, where) => {
  const wanted = { home_id: 'home', name: 'x', condition: above(5), ...more }
  const refused = await client()
    .post('/alert-rules', wanted)
    .then(
      () => null,
      error => error,
    )
  expect(refused).toMatchObject({ code: 'invalid_request' })
  expect(refused.details.join()).toContain(where)
})

test('a rule is not given words that stand for nothing; one that has them from before goes on, and is changed else', async () => {
  const { id } = await makeRule(client(), above(5), { message: '{device} {reason}' })
  const change = (changes: object) => client().patch<{ rule: { message: string } }>(`/alert-rules/${id}`, changes)
  const details = [expect.stringMatching(/^body\/message: \{devcie\} .* \{reason\}$/)]
  await expect(change({ message: '{devcie}' })).rejects.toMatchObject({ code: 'invalid_request', details })
  await updateRule(hub.hub.store.db, id, { message: '{devcie}' })
  expect((await change({ severity: 'minor' })).rule).toMatchObject({ message: '{devcie}', severity: 'minor' })
})

test('of a test without a period is told that it is missing', async () => {
  const asked = client().post('/alert-rules/test', { device_id: 'past', condition: above(5) })
  const details = ['body/start_time: is missing', 'body/end_time: is missing']
  await expect(asked).rejects.toMatchObject({ code: 'invalid_request', details })
})

test('rules are listed by their home, device and group, changed and deleted', async () => {
  await client().post('/homes', { id: 'cabin', name: 'Cabin' })
  const ofDevice = await makeRule(client(), above(5), { device_id: 'past', name: 'a' })
  const ofHome = await makeRule(client(), above(6), { home_id: 'cabin', active_hours: { from: '22:00', to: '06:00' } })
  const list = async (query: string) => (await client().get<{ rules: ShownRule[] }>(`/alert-rules?${query}`)).rules
  expect((await list('device_id=past')).map(({ id }) => id)).toEqual([ofDevice.id])
  expect((await list('home_id=cabin')).map(({ id }) => id)).toEqual([ofHome.id])
  expect(ofDevice).toMatchObject({ home_id: 'home', enabled: true, key: `rule-${ofDevice.id}`, group_id: null })
  const { rule } = await client().patch<{ rule: ShownRule }>(`/alert-rules/${ofHome.id}`, {
    enabled: false,
    condition: { all: [above(1)] },
  })
  expect(rule).toMatchObject({
    enabled: false,
    condition: { all: [{ ...above(1), for_seconds: 0 }] },
    active_hours: { days: expect.arrayContaining(['mon', 'sun']), from: '22:00', to: '06:00' },
  })
  await client().delete(`/alert-rules/${ofHome.id}`)
  expect(await list('home_id=cabin')).toEqual([])
})
