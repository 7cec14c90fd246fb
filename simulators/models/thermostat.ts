import { z } from 'zod'
import { command, describe, done, known, type Model, round, setBy } from '../model.js'
import { createRandom, deriveSeed } from '../random.js'
import { airTemperature } from './weather.js'

/** Seconds in which a room falls to 1/e of its difference to the outdoors: R · C of its walls, about eight hours. */
const roomTau = 8 * 3600
/** Seconds in which the radiator warms to 63 % of its power. This is the inertia: it heats on after it is switched off. */
const radiatorTau = 600
/** How far above the outdoors the room would settle with the radiator at full power, K. */
const fullPowerRise = 45
/** The valve opens this far below the target and closes this far above it, K. */
const hysteresis = 0.3
/** The longest step of the integration, s: the valve is looked at this often. */
const step = 30
/** A gap longer than this is not walked through, s: the room has long forgotten what was before. */
const longestWalk = 86_400

interface Room {
  temperature: number
  /** The radiator's warmth as a share of full power. */
  warmth: number
  heating: boolean
}

/**
 * Moves the room on by `seconds`. The room follows Newton's law of cooling, dT/dt = (Tout + P · R - T) / τ, and the radiator lags behind
 * its valve likewise; both are solved exactly over the step, T' = T∞ + (T - T∞) e^(-dt/τ), so that a long step cannot overshoot.
 */
function stepRoom(room: Room, outdoors: number, seconds: number, target: number | null): void {
  if (target === null || room.temperature > target + hysteresis) room.heating = false
  else if (room.temperature < target - hysteresis) room.heating = true
  const valve = room.heating ? 1 : 0
  room.warmth = valve + (room.warmth - valve) * Math.exp(-seconds / radiatorTau)
  const settled = outdoors + room.warmth * fullPowerRise
  room.temperature = settled + (room.temperature - settled) * Math.exp(-seconds / roomTau)
}

const params = {
  target: z.number().min(5).max(30),
  mode: z.enum(['heat', 'off']),
}

const memory = z.object({
  temperature: known(z.number().min(-30).max(60)),
  heating_power: known(z.number().min(0).max(100)),
  heating: known(z.boolean()),
  target: known(params.target),
  mode: known(params.mode),
})

/** A room with a radiator, its valve held by a thermostat with hysteresis. Temperatures in °C. */
export function createThermostat(seed: number, utc_offset_ms = 0): Model {
  const random = createRandom(seed)
  const outdoorSeed = deriveSeed(seed, 1)
  const room: Room = { temperature: random.between(17, 20), warmth: 0, heating: false }
  let target = 20 + Math.round(random.between(0, 4)) / 2
  let mode: z.output<typeof params.mode> = 'heat'
  let last: number | null = null

  const commands = {
    set_target: command('Target temperature, °C', z.strictObject({ target: params.target }), given => {
      target = given.target
      return done({ target })
    }),
    set_mode: command('Heat, or off', z.strictObject({ mode: params.mode }), given => {
      mode = given.mode
      return done({ mode })
    }),
  }
  const metrics = {
    temperature: { unit: '°C', kind: 'gauge' },
    humidity: { unit: '%', kind: 'gauge' },
    target: { unit: '°C', kind: 'gauge' },
    heating_power: { unit: '%', kind: 'gauge' },
  } as const

  function move(now: number): void {
    const begin = Math.max(last ?? now, now - longestWalk * 1000)
    for (let time = begin; time < now; time += step * 1000) {
      const seconds = Math.min(step, (now - time) / 1000)
      stepRoom(room, airTemperature(outdoorSeed, time + utc_offset_ms), seconds, mode === 'heat' ? target : null)
    }
    last = Math.max(last ?? now, now)
  }

  return {
    hello: describe('thermostat', '1.4.2', metrics, commands),
    commands,
    settings: { target: setBy('set_target', 'target'), mode: setBy('set_mode', 'mode') },
    state: () => ({ target, mode, heating: room.heating }),
    resume({ at, values }) {
      const was = memory.parse(values)
      target = was.target ?? target
      mode = was.mode ?? mode
      room.temperature = was.temperature ?? room.temperature
      room.warmth = (was.heating_power ?? 0) / 100
      room.heating = was.heating ?? room.heating
      last = at
    },
    advance(now) {
      move(now)
      return {
        temperature: round(room.temperature + random.gaussian(0, 0.03), 2),
        // Warm air holds more water, so the same water is a smaller share of it: about 6 % of the humidity a degree.
        humidity: round(45 * Math.exp(-0.06 * (room.temperature - 20)) + random.gaussian(0, 0.3), 1),
        target,
        heating_power: round(room.warmth * 100, 0),
      }
    },
  }
}
