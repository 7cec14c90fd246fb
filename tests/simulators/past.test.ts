import { describe, expect, it } from 'vitest'
import { inhabited } from '../../simulators/habits.js'
import type { Model } from '../../simulators/model.js'
import { createLight } from '../../simulators/models/light.js'
import { createLock } from '../../simulators/models/lock.js'
import { createMicrophone } from '../../simulators/models/microphone.js'
import { createPowerMeter } from '../../simulators/models/power-meter.js'
import { createThermostat } from '../../simulators/models/thermostat.js'
import { createWeather } from '../../simulators/models/weather.js'
import { type ModelName, modelNames, models } from '../../simulators/models.js'
import { type Moment, past } from '../../simulators/past.js'

const minute = 60_000
const hour = 60 * minute
const day = 24 * hour
const begin = Date.UTC(2026, 0, 10)

const living = (name: ModelName, seed: number, utc_offset_ms = 0): Model => {
  const create: (seed: number, utc_offset_ms: number) => Model = models[name]
  return inhabited(create(seed, utc_offset_ms), name, seed, utc_offset_ms)
}
const pastOf = (model: Model, days: number, interval_ms = 5 * minute) => [
  ...past(model, { begin, end: begin + days * day, interval_ms }),
]

/** What a hub knows of a device whose past this is. */
const wasOf = (moments: readonly Moment[]) => ({
  at: moments.at(-1)?.ts ?? 0,
  values: Object.assign({}, moments.at(-1)?.data, ...moments.map(({ changed }) => changed)) as Record<string, unknown>,
})

describe.each(modelNames)('the past of every model: %s', name => {
  it('follows from seed and beginning alone, and a later end only adds to it', () => {
    const days = pastOf(living(name, 7), 10)
    expect(pastOf(living(name, 7), 10)).toEqual(days)
    expect(pastOf(living(name, 7), 4)).toEqual(days.filter(({ ts }) => ts < begin + 4 * day))
    expect(pastOf(living(name, 8), 10)).not.toEqual(days)
  })

  it('goes forward in time, a moment an interval at least, and tells each change of the state once', () => {
    const moments = pastOf(living(name, 7), 3)
    const times = moments.map(({ ts }) => ts)
    expect(times).toEqual([...new Set(times)].sort((one, other) => one - other))
    for (const [index, ts] of times.slice(1).entries()) expect(ts - (times[index] ?? 0)).toBeLessThanOrEqual(5 * minute)
    let state: object = {}
    for (const { changed } of moments) {
      for (const [key, value] of Object.entries(changed)) expect(Reflect.get(state, key)).not.toBe(value)
      state = { ...state, ...changed }
    }
  })

  it('is gone on with where a device of another seed was last heard', () => {
    const moments = pastOf(living(name, 7), 3)
    const was = wasOf(moments)
    const model = living(name, 8)
    model.resume(was)
    expect(was.values).toMatchObject(model.state())
  })

  it('is left out where it makes no sense', () => {
    const model = living(name, 7)
    const state = model.state()
    const nonsense = Object.fromEntries(
      [...Object.keys(state), 'energy', 'battery', 'temperature', 'recordings'].map(key => [key, { none: 1 }]),
    )
    model.resume({ at: begin, values: nonsense })
    expect(model.state()).toEqual(state)
    expect(Object.values(model.advance(begin + minute)).filter(value => Number.isNaN(value))).toEqual([])
  })
})

describe('what is gone on with', () => {
  it('a counter of energy never falls, and counts on, also with another seed or time zone', () => {
    const moments = pastOf(living('power_meter', 7), 3, minute)
    const energy = Number(moments.at(-1)?.data.energy)
    const model = createPowerMeter(8, 5 * hour)
    const was = wasOf(moments)
    model.resume(was)
    expect(Number(model.advance(was.at + 1).energy)).toBeGreaterThanOrEqual(energy)
    expect(Number(model.advance(was.at + 2000).energy)).toBeLessThan(energy + 0.01)
    expect(Number(model.advance(was.at + day).energy)).toBeGreaterThan(energy + 4)
  })

  it('a switch that is off stays so, and nothing is counted behind it', () => {
    const model = createPowerMeter(7)
    model.resume({ at: begin, values: { relay: 'off', energy: 12.5 } })
    expect(model.advance(begin + day)).toMatchObject({ energy: 12.5, power: 0 })
    expect(model.state()).toEqual({ relay: 'off' })
  })

  it('a battery, a room, a lamp, recordings and a setting are what they were', () => {
    const lock = createLock(7)
    lock.resume({ at: begin, values: { lock: 'unlocking', battery: 41.5 } })
    expect(lock.advance(begin + minute)).toMatchObject({ battery: 41.5 })
    expect(lock.state().lock).toBe('unlocked')
    const room = createThermostat(7)
    room.resume({ at: begin, values: { temperature: 23.4, heating_power: 0, heating: false, target: 19, mode: 'off' } })
    expect(Math.abs(Number(room.advance(begin + minute).temperature) - 23.4)).toBeLessThan(0.2)
    const light = createLight(7)
    light.resume({ at: begin, values: { power: 'on', brightness: 255 } })
    expect(light.advance(begin + minute)).toMatchObject({ level: 100 })
    const microphone = createMicrophone(7)
    microphone.resume({ at: begin, values: { recordings: 812, schedule: 0 } })
    expect(microphone.advance(begin + minute)).toMatchObject({ recordings: 812 })
    const weather = createWeather(7)
    weather.resume({ at: begin, values: { interval: 30, offset: 1 } })
    expect(weather.intervalMs?.()).toBe(30_000)
  })
})

describe('a house where people live', () => {
  /** In which state something is at hours of the day, on the clock on the wall. */
  const at = (moments: readonly Moment[], key: string, utc_offset_ms: number, hourOfDay: number) => {
    let value: unknown
    const found: unknown[] = []
    for (let next = begin + hourOfDay * hour - utc_offset_ms, i = 0; next < begin + 14 * day; next += day) {
      for (; (moments[i]?.ts ?? Number.POSITIVE_INFINITY) <= next; i++) value = moments[i]?.changed[key] ?? value
      if (next > begin + day) found.push(value)
    }
    return new Set(found)
  }

  it.each([-5 * hour, 0, 9 * hour])(
    'has its light on in the evening, and its door locked at night, %d ms from UTC',
    offset => {
      const light = pastOf(living('light', 3, offset), 14)
      expect(at(light, 'power', offset, 12)).toEqual(new Set(['off']))
      expect(at(light, 'power', offset, 21)).toEqual(new Set(['on']))
      expect(at(light, 'power', offset, 2)).toEqual(new Set(['off']))
      const lock = pastOf(living('lock', 3, offset), 14)
      expect(at(lock, 'lock', offset, 19)).toEqual(new Set(['unlocked']))
      expect(at(lock, 'lock', offset, 3)).toEqual(new Set(['locked']))
      expect(lock.flatMap(({ events }) => events).length).toBeGreaterThan(50)
    },
  )

  it('is warm in the day and cool at night, and warmer still when somebody is cold', () => {
    const moments = pastOf(living('thermostat', 3), 30)
    const mean = (hourOfDay: number) => {
      const some = moments.filter(({ ts }) => Math.floor((ts % day) / hour) === hourOfDay)
      return some.reduce((sum, { data }) => sum + Number(data.temperature), 0) / some.length
    }
    expect(mean(15)).toBeGreaterThan(mean(4) + 2)
    const hottest = Math.max(...moments.map(({ data }) => Number(data.temperature)))
    expect(hottest).toBeGreaterThan(24.5)
    expect(hottest).toBeLessThan(27)
  })

  it('is the same for a device that is looked at often as for one that is looked at seldom', () => {
    const [often, seldom] = [minute, hour].map(interval => pastOf(living('light', 3), 3, interval))
    const switched = (moments: readonly Moment[] = []) =>
      moments.filter(({ changed }) => 'power' in changed).map(({ ts, changed }) => [ts, changed.power])
    expect(switched(often)).toEqual(switched(seldom))
  })
})
