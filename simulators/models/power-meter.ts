import { z } from 'zod'
import { command, describe, done, known, type Model, round, setBy } from '../model.js'
import { createRandom, deriveSeed, uniformAt } from '../random.js'

const day = 86_400_000
const slots = 288
const slotMs = day / slots
/** The meter was installed with 0 kWh on the first of January 2020, as a day number. */
const installed = Date.UTC(2020, 0, 1) / day

/** A household's mean load through the day, over its night load: a small peak at 7.5 h, a large one at 19.5 h. */
const habit = (hour: number) => 1 + 2 * bump(hour, 7.5, 1.2) + 4 * bump(hour, 19.5, 2) + bump(hour, 13, 2.5)
const bump = (hour: number, centre: number, width: number) => Math.exp(-(((hour - centre) / width) ** 2) / 2)

/** Energy used on a day, kWh: about 9, more in winter (12 % either way) and on days that happen to be busy. */
function energyOfDay(seed: number, number: number): number {
  const season = 1 + 0.12 * Math.cos((2 * Math.PI * (number % 365.2425)) / 365.2425)
  return 9 * season * (0.7 + 0.6 * uniformAt(seed, number))
}

/** The share of a day's energy used before each five minutes of it, ending with 1. */
function sharesOfDay(seed: number, number: number): readonly number[] {
  const shares = [0]
  let sum = 0
  for (let slot = 0; slot < slots; slot++) {
    const draw = uniformAt(deriveSeed(seed, number), slot)
    // Now and then a kettle or an oven, and then several times the load.
    sum += habit((slot * 24) / slots) * (0.5 + draw) * (draw > 0.93 ? 6 : 1)
    shares.push(sum)
  }
  return shares.map(share => share / sum)
}

/**
 * A household's load as a function of seed and time alone: a day's energy, shared out over its slots. The counter is the sum of the
 * days before and of the part of this one, so it is exact, never falls, and goes on where it was after a restart.
 */
function createHousehold(seed: number) {
  let number = installed
  let before = 0
  let shares = sharesOfDay(seed, number)

  function turnTo(wanted: number): void {
    if (wanted === number) return
    if (wanted < number) {
      number = installed
      before = 0
    }
    for (; number < wanted; number++) before += energyOfDay(seed, number)
    shares = sharesOfDay(seed, number)
  }

  /** Energy since the installation in kWh, and the power in W; both 0 before it. */
  return (now: number) => {
    if (now < installed * day) return { energy: 0, watts: 0 }
    turnTo(Math.floor(now / day))
    const place = (now - number * day) / slotMs
    const slot = Math.floor(place)
    const from = shares[slot] ?? 1
    const share = (shares[slot + 1] ?? 1) - from
    const today = energyOfDay(seed, number)
    const hours = slotMs / 3_600_000
    return { energy: before + today * (from + share * (place - slot)), watts: (today * share * 1000) / hours }
  }
}

const relays = z.enum(['on', 'off'])
const memory = z.object({ energy: known(z.number().min(0)), relay: known(relays) })

/** A household's power meter with a main switch: energy as a counter in kWh, power in W, voltage and current. */
export function createPowerMeter(seed: number, utc_offset_ms = 0): Model {
  const household = createHousehold(seed)
  const random = createRandom(seed)
  let relay: z.output<typeof relays> = 'on'
  /** Energy that the household did not use because it was cut off, and what else its counter lacks. */
  let spared = 0
  let last = { time: 0, energy: 0 }

  function move(now: number) {
    const time = Math.max(now, last.time)
    const { energy, watts } = household(time + utc_offset_ms)
    if (relay === 'off') spared += energy - last.energy
    last = { time, energy }
    return { energy: energy - spared, watts: relay === 'on' ? watts : 0 }
  }

  const commands = {
    set_relay: command('Main switch', z.strictObject({ relay: relays }), (to, now) => {
      move(now)
      relay = to.relay
      return done({ relay })
    }),
  }
  const metrics = {
    energy: { unit: 'kWh', kind: 'counter' },
    power: { unit: 'W', kind: 'gauge' },
    voltage: { unit: 'V', kind: 'gauge' },
    current: { unit: 'A', kind: 'gauge' },
  } as const
  return {
    hello: describe('power_meter', '5.2.0', metrics, commands),
    commands,
    settings: { relay: setBy('set_relay', 'relay') },
    state: () => ({ relay }),
    resume({ at, values }) {
      const was = memory.parse(values)
      const { energy } = household(at + utc_offset_ms)
      relay = was.relay ?? relay
      spared = energy - (was.energy ?? energy)
      last = { time: at, energy }
    },
    advance(now) {
      const { energy, watts } = move(now)
      const power = watts * random.gaussian(1, 0.02)
      // The mains' nominal 230 V, with a drop of 0.25 Ω on the way to the house: U = U0 - R · P / U0.
      const voltage = 230 + random.gaussian(0, 0.4) - (0.25 * power) / 230
      return {
        energy: round(energy, 3),
        power: round(power, 1),
        voltage: round(voltage, 1),
        current: round(power / voltage, 2),
      }
    },
  }
}
