import type { Model, Order, Values } from './model.js'
import { sunsetOf } from './models/weather.js'
import type { ModelName } from './models.js'
import { createRandom, deriveSeed, type Random } from './random.js'

const hourMs = 3_600_000
const dayMs = 24 * hourMs

/** What somebody does to a device, by the hours since midnight. */
interface Act {
  readonly hour: number
  readonly order: Order
}

/** What is done on a day, in its order. Days are counted from 1970-01-01, a Thursday. */
type Day = (random: Random, number: number) => readonly Act[]

const act = (hour: number, name: string, params: Values = {}): Act => ({ hour, order: { name, params } })
/** At the weekend people get up two hours later. */
const upLate = (number: number) => (number % 7 === 2 || number % 7 === 3 ? 2 : 0)
/** On one evening in eleven somebody is cold. */
const isCold = (number: number) => number % 11 === 4

const habits: Partial<Record<ModelName, Day>> = {
  thermostat: (random, number) => [
    act(random.between(5.8, 6.3) + upLate(number), 'set_target', { target: 21 }),
    ...(isCold(number) ? [act(random.between(17.5, 18.5), 'set_target', { target: 25 })] : []),
    act(random.between(22, 22.6), 'set_target', { target: 17.5 }),
  ],
  light: (random, number) => [
    act(sunsetOf(number) + random.between(0, 0.3), 'set_power', { power: 'on' }),
    act(random.between(22.6, 23.5), 'set_power', { power: 'off' }),
  ],
  lock: (random, number) => [
    act(random.between(6.5, 7) + upLate(number), 'unlock'),
    ...locked(random.between(8, 8.5) + upLate(number)),
    act(random.between(16.2, 17.5), 'unlock'),
    ...locked(random.between(21.7, 22.6)),
  ],
}

/** Whoever finds the door open, or the bolt stuck, tries once more two minutes later. */
const locked = (hour: number) => [act(hour, 'lock'), act(hour + 1 / 30, 'lock')]

/**
 * A model in a house where people live: what they do by themselves is done to it while it advances, each day a little differently, as seed
 * and day have it. One that nobody does anything to stays as it is.
 * @param utc_offset_ms how far the clock on the wall is ahead of UTC
 */
export function inhabited(model: Model, name: ModelName, seed: number, utc_offset_ms = 0): Model {
  const habit = habits[name]
  if (!habit) return model
  let last: number | null = null

  const dayOf = (at: number) => Math.floor((at + utc_offset_ms) / dayMs)
  const actsOn = (number: number) =>
    habit(createRandom(deriveSeed(seed, number)), number).map(({ hour, order }) => ({
      at: number * dayMs + Math.round(hour * hourMs) - utc_offset_ms,
      order,
    }))

  /** After the first time, up to the second. */
  function actsWithin(from: number, to: number) {
    const first = dayOf(from)
    const days = Array.from({ length: dayOf(to) - first + 1 }, (_, index) => first + index)
    return days.flatMap(actsOn).filter(({ at }) => at > from && at <= to)
  }

  return {
    ...model,
    nextHabit: after => actsWithin(after, after + 2 * dayMs)[0]?.at ?? Number.POSITIVE_INFINITY,
    advance(now) {
      const from = Math.max(last ?? now, now - dayMs)
      if (now > from) for (const { at, order } of actsWithin(from, now)) obey(model, order, at)
      last = Math.max(last ?? now, now)
      return model.advance(now)
    },
  }
}

/** As the device would by command. What it refuses is left undone, as people would leave it. */
function obey({ commands, advance }: Model, { name, params }: Order, at: number): void {
  const command = commands[name]
  if (!command) throw new Error(`a habit wants ${name}, which there is not`)
  advance(at)
  const run = command.run(command.params.parse(params), at)
  run.end(at + run.duration_ms)
}
