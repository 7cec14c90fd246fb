import { z } from 'zod'
import { command, describe, type Ending, known, type Model, type Run, round, type Values } from '../model.js'
import { createRandom, deriveSeed } from '../random.js'

/** How long the motor turns, ms. */
const travel = { low: 1200, high: 1800 }
/** One turn in a hundred jams: the bolt stays where it was. */
const jamProbability = 0.01
/** Battery that a turn costs, and that a day of listening costs, %. */
const turnCost = 0.004
const dayCost = 0.15
/** How often somebody goes through an unlocked door, times an hour, and for how long it then stands open, ms. */
const passages = 2
const openFor = 12_000
const hour = 3_600_000
/** Events kept until they are asked for, the oldest lost first. */
const maxEvents = 100

const states = { lock: 'locked', unlock: 'unlocked' } as const
const bolts = z.enum(['locked', 'unlocked', 'locking', 'unlocking'])
type Bolt = z.output<typeof bolts>
const memory = z.object({ lock: known(bolts), battery: known(z.number().min(0).max(100)) })

/** A door lock with a motor and a battery, on a door that people use while it is unlocked. */
export function createLock(seed: number): Model {
  // The motor has draws of its own, so that the nth turn jams or not whatever the time is.
  const motor = createRandom(deriveSeed(seed, 1))
  const random = createRandom(seed)
  let bolt: Bolt = 'locked'
  let openUntil = 0
  let battery = random.between(60, 100)
  let last: number | null = null
  let happened: (Values & { type: string; ts: number })[] = []

  function turn(name: 'lock' | 'unlock'): Run {
    const before = bolt
    const jams = motor.chance(jamProbability)
    const duration_ms = Math.round(motor.between(travel.low, travel.high))
    if (bolt === states[name]) return { duration_ms: 0, end: () => ({ result: { lock: states[name] } }) }
    if (name === 'lock' && openUntil > 0) return refused('door_open', 'the door is open')
    bolt = `${name}ing`
    battery = Math.max(0, battery - turnCost)
    return { duration_ms, end: () => settle(name, jams ? before : null) }
  }

  function settle(name: 'lock' | 'unlock', stuck: Bolt | null): Ending {
    bolt = stuck ?? states[name]
    return stuck === null
      ? { result: { lock: bolt } }
      : { error: { code: 'jam', message: 'the motor stalled before the bolt was home' } }
  }

  function note(type: string, ts: number): void {
    happened.push({ type, ts })
    if (happened.length > maxEvents) happened.shift()
  }

  function move(now: number): void {
    const passed = Math.max(0, now - (last ?? now))
    last = Math.max(last ?? now, now)
    battery = Math.max(0, battery - (dayCost * passed) / (24 * hour))
    if (openUntil > 0 && now >= openUntil) {
      note('door_closed', openUntil)
      openUntil = 0
    }
    // Passages come as a Poisson process: none in a time t with probability e^(-λt).
    if (random.chance(1 - Math.exp((-passages * passed) / hour)) && bolt === 'unlocked' && openUntil === 0) {
      note('door_opened', now)
      openUntil = now + openFor
    }
  }

  const commands = {
    lock: command('Drives the bolt out', z.strictObject({}), () => turn('lock')),
    unlock: command('Draws the bolt back', z.strictObject({}), () => turn('unlock')),
  }
  const metrics = { battery: { unit: '%', kind: 'gauge' }, door: { unit: '', kind: 'state' } } as const
  return {
    hello: describe('lock', '1.0.7', metrics, commands),
    commands,
    settings: { lock: orderFor },
    state: () => ({ lock: bolt, door: openUntil > 0 ? 'open' : 'closed' }),
    resume({ at, values }) {
      const was = memory.parse(values)
      // A bolt that was moving when it was cut off has not come home.
      if (was.lock !== undefined) bolt = was.lock === 'locked' ? 'locked' : 'unlocked'
      battery = was.battery ?? battery
      last = at
    },
    drainEvents() {
      const events = happened
      happened = []
      return events
    },
    advance(now) {
      move(now)
      return { battery: round(battery, 1), door: openUntil > 0 ? 'open' : 'closed' }
    },
  }
}

const refused = (code: string, message: string): Run => ({ duration_ms: 0, end: () => ({ error: { code, message } }) })

function orderFor(value: unknown) {
  if (value === 'locked') return { name: 'lock', params: {} }
  return value === 'unlocked' ? { name: 'unlock', params: {} } : null
}
