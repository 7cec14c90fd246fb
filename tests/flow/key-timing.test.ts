import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { KeyRing } from '../../src/devices/key-ring.js'
import { Uses } from '../../src/uses.js'
import { startHub, type TestHub } from '../helper.js'

const samples = 3000
const attempts = 3
/** The medians of the slowest and the fastest kind may differ so much: what is left is less than a network's noise. */
const ratioBound = 1.1
/** Of the probability that a wrong key of one kind takes longer than one of another; 0.5 means that time tells nothing. */
const tellingBound = 0.06

let hub: TestHub
let api_key: string
let ring: KeyRing

beforeAll(async () => {
  hub = await startHub()
  api_key = await hub.device('timed')
  ring = new KeyRing(hub.hub.store.db, new Uses())
  // Known, as that of a device that comes back.
  await ring.authenticate(api_key)
})
afterAll(() => hub.close())

test('how long a wrong key takes does not tell an unknown id from a wrong secret or one that begins right', async () => {
  const [, id = '', secret = ''] = api_key.split(/_(.{12})_/)
  const kinds: Record<string, () => string> = {
    unknown: () => `hk_${randomBytes(6).toString('hex')}_${randomSecret()}`,
    wrong: () => `hk_${id}_${randomSecret()}`,
    begins_right: () => `hk_${id}_${secret.slice(0, 24)}${randomSecret().slice(0, 3)}`,
  }
  let verdict = await measure(kinds)
  for (let i = 1; i < attempts && !verdict.silent; i++) verdict = await measure(kinds)
  console.log(JSON.stringify(verdict))
  expect(verdict).toMatchObject({ silent: true })
}, 90_000)

const randomSecret = () => randomBytes(20).toString('base64url')

/** One key after the other, the kinds by turns in changing order, so that what else the machine does hits all of them alike. */
async function measure(kinds: Record<string, () => string>) {
  const times = new Map(Object.keys(kinds).map(name => [name, [] as number[]]))
  const names = Object.keys(kinds)
  for (let i = 0; i < samples; i++) {
    for (let j = 0; j < names.length; j++) {
      const name = names[(i + j) % names.length] ?? ''
      times.get(name)?.push(await timeOf(kinds[name]?.() ?? ''))
    }
  }
  const all = [...times.values()].map(list => list.sort((a, b) => a - b))
  const medians = all.map(list => list[samples >> 1] ?? 0)
  const ratio = Math.max(...medians) / Math.min(...medians)
  const telling = Math.max(...all.flatMap(a => all.map(b => Math.abs(chanceAbove(a, b) - 0.5))))
  return { silent: ratio < ratioBound && telling < tellingBound, ratio, telling, medians }
}

async function timeOf(key: string): Promise<number> {
  const begun = performance.now()
  const refused = await ring.authenticate(key).then(
    () => false,
    () => true,
  )
  const ms = performance.now() - begun
  if (!refused) throw new Error('A wrong key was taken.')
  return ms
}

/** The chance that one of `a` is above one of `b`, both sorted: the statistic of Mann and Whitney. */
function chanceAbove(a: readonly number[], b: readonly number[]): number {
  let below = 0
  let sum = 0
  for (const value of a) {
    while (below < b.length && (b[below] ?? 0) < value) below++
    sum += below
  }
  return sum / (a.length * b.length)
}
