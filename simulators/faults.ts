import { HubError } from '../src/errors.js'
import type { Random } from './random.js'

/** What goes wrong with one point on its way to the hub. */
export interface Mischief {
  /** The socket is cut, without a DISCONNECT, once the point is on its way. */
  drop?: true
  /** The point is sent again. */
  duplicate?: true
  /** Milliseconds that the point is held back, so that later ones overtake it. */
  delay_ms?: number
  /** Milliseconds by which the device's clock is wrong for this point. */
  clock_error_ms?: number
  /** Bytes that are sent as telemetry besides the point, and that no hub can read. */
  malformed?: Buffer
}

interface Fault {
  readonly about: string
  /** How often it strikes a point when nothing else is asked for. */
  readonly probability: number
  readonly draw: (random: Random) => Mischief
}

const hour = 3_600_000
const year = 365 * 24 * hour

const clockErrors = [-50 * year, -10 * year, -26 * hour, -hour, 2 * hour, year, 30 * year] as const
const garbage = [
  '{"temperature":21.5,',
  'temperature=21.5',
  '"21.5"',
  '42',
  'null',
  '{"temperature":NaN}',
  '{"ts":"yesterday","data":{"temperature":21.5}}',
  '{"ts":1767225600000,"data":[21.5]}',
  '[{"ts":1767225600000,"data":{"temperature":21.5}},7]',
] as const
/** Not UTF-8: a lone continuation byte, and a start without its rest. */
const notText = Buffer.from([0x7b, 0x80, 0xff, 0xc3, 0x7d])

/** Every way to misbehave. */
export const faults = {
  drop: { about: 'cuts its connection', probability: 0.01, draw: () => ({ drop: true }) },
  duplicate: { about: 'sends a point twice', probability: 0.05, draw: () => ({ duplicate: true }) },
  delay: {
    about: 'sends a point late',
    probability: 0.05,
    draw: random => ({ delay_ms: Math.round(random.between(500, 30_000)) }),
  },
  wrong_clock: {
    about: 'stamps a point hours or years off',
    probability: 0.02,
    draw: random => ({ clock_error_ms: random.pick(clockErrors) }),
  },
  malformed: {
    about: 'sends what cannot be read',
    probability: 0.02,
    draw: random => ({ malformed: random.chance(0.1) ? notText : Buffer.from(random.pick(garbage)) }),
  },
} satisfies Record<string, Fault>

type FaultName = keyof typeof faults
export const faultNames = Object.keys(faults) as FaultName[]
/** The faults that are switched on, each with its probability per point. */
export type Faults = Partial<Record<FaultName, number>>

/**
 * Reads `drop,duplicate,delay,wrong_clock,malformed`, each with an optional probability: `drop:0.01,malformed`. Empty text is no faults.
 * @throws HubError invalid_request, with a detail for every part that cannot be read
 */
export function parseFaults(text: string): Faults {
  const wanted: Faults = {}
  const details: string[] = []
  for (const part of text.split(',').map(part => part.trim())) {
    if (part === '') continue
    const [name, given] = part.split(':', 2)
    const known = faultNames.find(fault => fault === name?.replaceAll('-', '_'))
    if (known === undefined) details.push(`${part}: no such fault, there are ${faultNames.join(', ')}`)
    else if (given !== undefined && !isProbability(given)) details.push(`${part}: the probability lies between 0 and 1`)
    else wanted[known] = given === undefined ? faults[known].probability : Number(given)
  }
  if (details.length > 0)
    throw new HubError('invalid_request', `Cannot read the faults: ${details.join('; ')}.`, details)
  return wanted
}

const isProbability = (text: string) => text.trim() !== '' && Number(text) >= 0 && Number(text) <= 1

/** Decides what befalls one point; with no faults wanted it makes no draw. */
export function drawMischief(wanted: Faults, random: Random): Mischief {
  const mischief: Mischief = {}
  for (const name of faultNames) {
    const probability = wanted[name]
    if (probability !== undefined && random.chance(probability)) Object.assign(mischief, faults[name].draw(random))
  }
  return mischief
}
