import { describe, expect, it } from 'vitest'
import type { Model } from '../../simulators/model.js'
import { createLight } from '../../simulators/models/light.js'
import { createLock } from '../../simulators/models/lock.js'
import { createPowerMeter } from '../../simulators/models/power-meter.js'
import { createThermostat } from '../../simulators/models/thermostat.js'
import { airTemperature, createWeather } from '../../simulators/models/weather.js'
import { type ModelName, modelNames, models, modelsOf } from '../../simulators/models.js'

const minute = 60_000
const hour = 60 * minute
const day = 24 * hour
const begin = Date.UTC(2026, 0, 10)

const history = (model: Model, length: number, every: number) =>
  Array.from({ length: Math.floor(length / every) }, (_, index) => model.advance(begin + index * every))

const numbers = (readings: readonly object[], key: string) => readings.map(reading => Number(Reflect.get(reading, key)))

/** Runs a command to its end, with parameters as its schema completes them, and says how it ended. */
function order(model: Model, name: string, params: object, now: number) {
  const command = model.commands[name]
  if (command === undefined) throw new Error(`no command ${name}`)
  const run = command.run(command.params.parse(params), now)
  model.advance(now + run.duration_ms)
  return run.end(now + run.duration_ms)
}

describe.each(modelNames)('every model: %s', name => {
  const create: (seed: number) => Model = models[name]

  it('gives the same readings for the same seed and times, and others for another seed', () => {
    const month = history(create(7), 30 * day, 10 * minute)
    expect(history(create(7), 30 * day, 10 * minute)).toEqual(month)
    expect(history(create(8), 30 * day, 10 * minute)).not.toEqual(month)
  })

  it('measures exactly the metrics it announces', () => {
    const model = create(1)
    expect(Object.keys(model.advance(begin)).sort()).toEqual(Object.keys(model.hello.metrics).sort())
  })

  it('announces each command with a JSON Schema of its parameters', () => {
    const { hello, commands } = create(1)
    expect(Object.keys(hello.capabilities)).toEqual(Object.keys(commands))
    for (const { params } of Object.values(hello.capabilities)) expect(params).toMatchObject({ type: 'object' })
    expect(JSON.parse(JSON.stringify(hello))).toEqual(hello)
  })

  it('makes nothing but finite numbers, and none move when time goes back', () => {
    const model = create(3)
    for (const reading of history(model, 5 * day, hour)) {
      const figures = Object.values(reading).filter(value => typeof value === 'number')
      expect(figures.every(Number.isFinite)).toBe(true)
    }
    const state = model.state()
    model.advance(begin - day)
    expect(model.state()).toEqual(state)
  })

  it('has an order for every key of the state that can be wished', () => {
    const model = create(1)
    model.advance(begin)
    const state: Record<string, unknown> = { interval: 30, ...model.state() }
    for (const [key, toOrder] of Object.entries(model.settings)) {
      const wish = toOrder(state[key])
      expect(wish && Object.keys(model.commands)).toContain(wish?.name)
      expect(toOrder({})).toBeNull()
    }
  })
})

it('finds models by name, and says which there are', () => {
  expect(modelsOf('power-meter')).toEqual(['power_meter'])
  expect(modelsOf('fleet')).toEqual(Object.keys(models) as ModelName[])
  expect(() => modelsOf('toaster')).toThrow(expect.objectContaining({ code: 'invalid_request' }))
})

describe('thermostat', () => {
  it('comes to its target, heats on for a while after the valve has closed, and holds it', () => {
    const model = createThermostat(5)
    model.advance(begin)
    order(model, 'set_target', { target: 21 }, begin)
    const readings = history(model, 2 * day, minute).slice(12 * 60)
    const temperatures = numbers(readings, 'temperature')
    expect(Math.min(...temperatures)).toBeGreaterThan(20)
    expect(Math.max(...temperatures)).toBeGreaterThan(21.3)
    expect(Math.max(...temperatures)).toBeLessThan(22.5)
  })

  it('cools towards the outdoors when it is off, as Newton has it', () => {
    const model = createThermostat(5)
    model.advance(begin)
    order(model, 'set_mode', { mode: 'off' }, begin)
    const [first = 0, ...later] = numbers(history(model, 6 * day, hour), 'temperature')
    const last = later.slice(-24).reduce((sum, value) => sum + value, 0) / 24
    expect(last).toBeLessThan(first - 5)
    expect(model.state()).toMatchObject({ mode: 'off', heating: false })
  })

  it('does not mind whether a day is walked in minutes or at once', () => {
    const walked = createThermostat(9)
    history(walked, day + minute, minute)
    const leapt = createThermostat(9)
    leapt.advance(begin)
    const difference = Number(leapt.advance(begin + day).temperature) - Number(walked.advance(begin + day).temperature)
    expect(Math.abs(difference)).toBeLessThan(0.3)
  })
})

describe('weather', () => {
  const july = Date.UTC(2026, 6, 1)

  it('is warmer in the afternoon than before dawn, and in July than in January', () => {
    const mean = (from: number, at: number) =>
      Array.from({ length: 30 }, (_, index) => airTemperature(4, from + index * day + at)).reduce((a, b) => a + b) / 30
    expect(mean(july, 15 * hour)).toBeGreaterThan(mean(july, 4 * hour) + 3)
    expect(mean(july, 0)).toBeGreaterThan(mean(begin, 0) + 8)
  })

  it('is dark at midnight and bright at noon, and keeps to what air can do', () => {
    const model = createWeather(4)
    expect(model.advance(july)).toMatchObject({ illuminance: 0 })
    expect(model.advance(july + 12 * hour).illuminance).toBeGreaterThan(10_000)
    const month = history(model, 30 * day, hour)
    for (const humidity of numbers(month, 'humidity')) expect(humidity > 10 && humidity <= 100).toBe(true)
    for (const pressure of numbers(month, 'pressure')) expect(pressure > 960 && pressure < 1060).toBe(true)
  })

  it('measures the same however often it is asked', () => {
    const often = createWeather(4)
    history(often, day, minute)
    expect(often.advance(begin + day)).toEqual(createWeather(4).advance(begin + day))
  })

  it('reports at the interval it is told', () => {
    const model = createWeather(4)
    expect(model.intervalMs?.()).toBeNull()
    order(model, 'set_interval', { interval: 5 }, begin)
    expect(model.intervalMs?.()).toBe(5000)
    expect(model.state()).toMatchObject({ interval: 5 })
  })

  it('sleeps as long as it is told, and not at all after 0', () => {
    const model = createWeather(4)
    expect(model.sleepMs?.()).toBeNull()
    order(model, 'set_sleep', { sleep: 600 }, begin)
    expect(model.sleepMs?.()).toBe(600_000)
    expect(model.state()).toMatchObject({ sleep: 600 })
    order(model, 'set_sleep', { sleep: 0 }, begin)
    expect(model.sleepMs?.()).toBeNull()
  })
})

describe('power meter', () => {
  it('counts the energy its power amounts to, and never backwards', () => {
    const readings = history(createPowerMeter(11), 7 * day, minute)
    const energies = numbers(readings, 'energy')
    for (const [index, energy] of energies.entries()) expect(energy).toBeGreaterThanOrEqual(energies[index - 1] ?? 0)
    const used = (energies.at(-1) ?? 0) - (energies[0] ?? 0)
    const integrated = numbers(readings, 'power').reduce((sum, watts) => sum + watts / 60_000, 0)
    expect(Math.abs(integrated / used - 1)).toBeLessThan(0.01)
    expect(used / 7).toBeGreaterThan(5)
    expect(used / 7).toBeLessThan(14)
  })

  it('goes on where it was after a restart', () => {
    const before = createPowerMeter(11)
    history(before, day, minute)
    expect(createPowerMeter(11).advance(begin + day).energy).toBe(before.advance(begin + day).energy)
  })

  it('counts nothing while the main switch is off', () => {
    const model = createPowerMeter(11)
    model.advance(begin)
    order(model, 'set_relay', { relay: 'off' }, begin + hour)
    const cut = Number(model.advance(begin + hour).energy)
    expect(model.advance(begin + 30 * hour)).toMatchObject({ energy: cut, power: 0, current: 0 })
    order(model, 'set_relay', { relay: 'on' }, begin + 30 * hour)
    expect(model.advance(begin + 50 * hour).energy).toBeGreaterThan(cut)
  })
})

describe('light', () => {
  it('fades, and draws power in proportion to its brightness', () => {
    const model = createLight(2)
    model.advance(begin)
    const command = model.commands.set_brightness
    const run = command?.run(command.params.parse({ brightness: 255, transition: 1000 }), begin)
    expect(run?.duration_ms).toBe(1000)
    expect(model.advance(begin + 500).level).toBe(50)
    const full = model.advance(begin + 1000)
    expect(full.level).toBe(100)
    expect(Math.abs(Number(full.power_draw) - 9.9)).toBeLessThan(0.3)
    expect(run?.end(begin + 1000)).toEqual({ result: { power: 'on', brightness: 255 } })
  })

  it('remembers its brightness while it is off', () => {
    const model = createLight(2)
    order(model, 'set_brightness', { brightness: 200 }, begin)
    order(model, 'set_power', { power: 'off' }, begin + 1000)
    expect(model.state()).toEqual({ power: 'off', brightness: 200 })
    expect(model.advance(begin + 2000).level).toBe(0)
    order(model, 'toggle', {}, begin + 3000)
    expect(model.state()).toEqual({ power: 'on', brightness: 200 })
  })
})

describe('lock', () => {
  it('takes its time to turn, and costs battery', () => {
    const model = createLock(1)
    const before = Number(model.advance(begin).battery)
    const run = model.commands.unlock?.run({}, begin)
    expect(run?.duration_ms).toBeGreaterThanOrEqual(1200)
    expect(model.state().lock).toBe('unlocking')
    expect(run?.end(begin + 2000)).toEqual({ result: { lock: 'unlocked' } })
    for (let turn = 0; turn < 100; turn++) order(model, turn % 2 === 0 ? 'lock' : 'unlock', {}, begin + turn * 5000)
    expect(Number(model.advance(begin + hour).battery)).toBeLessThan(before)
  })

  it('jams now and then, says so, and stays where it was', () => {
    const model = createLock(3)
    const jams = Array.from({ length: 1000 }, (_, turn) => {
      const bolt = model.state().lock
      const ending = order(model, bolt === 'locked' ? 'unlock' : 'lock', {}, begin)
      const jammed = 'error' in ending && ending.error.code === 'jam'
      expect(model.state().lock === bolt).toBe(jammed)
      return jammed ? turn : null
    }).filter(turn => turn !== null)
    expect(jams.length).toBeGreaterThan(2)
    expect(jams.length).toBeLessThan(30)
  })

  it('lets people through while it is unlocked, and will not lock an open door', () => {
    const model = createLock(2)
    model.advance(begin)
    expect(history(model, 2 * day, minute) && model.drainEvents?.()).toEqual([])
    order(model, 'unlock', {}, begin + 2 * day)
    let now = begin + 2 * day
    while (model.state().door === 'closed') {
      now += minute
      model.advance(now)
    }
    expect(model.drainEvents?.()).toEqual([{ type: 'door_opened', ts: now }])
    expect(order(model, 'lock', {}, now)).toMatchObject({ error: { code: 'door_open' } })
    model.advance(now + minute)
    expect(model.drainEvents?.()).toMatchObject([{ type: 'door_closed' }])
    expect(order(model, 'lock', {}, now + minute)).toEqual({ result: { lock: 'locked' } })
  })
})
