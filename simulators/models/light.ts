import { z } from 'zod'
import { command, describe, known, type Model, type Run, round, setBy } from '../model.js'
import { createRandom } from '../random.js'

const standbyWatts = 0.4
/** Electrical power at full brightness, W. */
const fullWatts = 9.5

const params = {
  power: z.enum(['on', 'off']),
  brightness: z.int().min(0).max(255),
  /** Milliseconds of fading. */
  transition: z.int().min(0).max(60_000).default(400),
}

const memory = z.object({ power: known(params.power), brightness: known(params.brightness) })

/** A fade from one level to another, in steps of 1/255, between two times in milliseconds. */
interface Fade {
  readonly from: number
  readonly to: number
  readonly start: number
  readonly end: number
}

const levelAt = (fade: Fade, now: number) => {
  if (now >= fade.end) return fade.to
  return fade.from + ((fade.to - fade.from) * Math.max(0, now - fade.start)) / (fade.end - fade.start)
}

/** A dimmable LED lamp. Dimming by pulse width, so power is proportional to brightness: P = P0 + b / 255 · Pmax. */
export function createLight(seed: number): Model {
  const random = createRandom(seed)
  let power: z.output<typeof params.power> = 'off'
  let brightness = 64 * Math.round(random.between(1, 3))
  let fade: Fade = { from: 0, to: 0, start: 0, end: 0 }
  let level = 0

  /** Fades to where switch and dimmer now stand; the command is over when the lamp is there. */
  function glide(now: number, duration_ms: number): Run {
    fade = { from: levelAt(fade, now), to: power === 'on' ? brightness : 0, start: now, end: now + duration_ms }
    return {
      duration_ms,
      end: () => {
        level = fade.to
        return { result: { power, brightness } }
      },
    }
  }

  const commands = {
    set_power: command(
      'Switches it',
      z.strictObject({ power: params.power, transition: params.transition }),
      (to, now) => {
        power = to.power
        return glide(now, to.transition)
      },
    ),
    set_brightness: command(
      'Dims it, 0 to 255; above 0 switches it on',
      z.strictObject({ brightness: params.brightness, transition: params.transition }),
      (to, now) => {
        power = to.brightness > 0 ? 'on' : 'off'
        if (to.brightness > 0) brightness = to.brightness
        return glide(now, to.transition)
      },
    ),
    toggle: command('Switches it over', z.strictObject({ transition: params.transition }), (to, now) => {
      power = power === 'on' ? 'off' : 'on'
      return glide(now, to.transition)
    }),
  }
  const metrics = { power_draw: { unit: 'W', kind: 'gauge' }, level: { unit: '%', kind: 'gauge' } } as const
  return {
    hello: describe('light', '3.1.0', metrics, commands),
    commands,
    settings: { power: setBy('set_power', 'power'), brightness: brightnessOrder },
    state: () => ({ power, brightness }),
    resume({ values }) {
      const was = memory.parse(values)
      power = was.power ?? power
      brightness = was.brightness || brightness
      const to = power === 'on' ? brightness : 0
      fade = { from: to, to, start: 0, end: 0 }
    },
    advance(now) {
      level = levelAt(fade, now)
      const watts = standbyWatts + (level / 255) * fullWatts
      return { power_draw: round(watts * random.gaussian(1, 0.005), 2), level: round((level / 255) * 100, 1) }
    },
  }
}

/** Brightness 0 is the switch's business: as a wish it could never be reached, for the dimmer keeps its place. */
const brightnessOrder = (value: unknown) => (value === 0 ? null : setBy('set_brightness', 'brightness')(value))
