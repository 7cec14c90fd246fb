import { z } from 'zod'
import { command, describe, done, known, type Model, round, setBy } from '../model.js'
import { deriveSeed, smoothNoise } from '../random.js'

const hour = 3_600_000
const day = 24 * hour
const year = 365.2425 * day
/** 48.85 degrees, in radians. Times are the station's own, by its sun. */
const north = (48.85 * Math.PI) / 180

/** Where in the day and in the year a time lies, both in [0, 1). */
const phaseOf = (now: number) => ({ ofDay: (now % day) / day, ofYear: (now % year) / year })

/** Cloud cover in [0, 1], changing over hours. */
const cloudsAt = (seed: number, now: number) =>
  Math.min(1, Math.max(0, 0.5 + 0.7 * smoothNoise(deriveSeed(seed, 1), now / (7 * hour))))

/** The day's mean temperature in °C: the season, coldest in the middle of January, and passing weather over days. */
function meanTemperature(seed: number, now: number): number {
  const { ofYear } = phaseOf(now)
  return 12 - 8 * Math.cos(2 * Math.PI * (ofYear - 15 / 365)) + 4 * smoothNoise(deriveSeed(seed, 2), now / (2 * day))
}

/**
 * Air temperature in °C: the mean and a daily curve, warmest at 15 h and flattened by clouds. A function of seed and time alone, which
 * the thermostat uses as its outdoors.
 */
export function airTemperature(seed: number, now: number): number {
  const swing = 5.5 - 3 * cloudsAt(seed, now)
  return meanTemperature(seed, now) + swing * Math.cos(2 * Math.PI * (phaseOf(now).ofDay - 15 / 24))
}

/** The sun's declination in radians: δ = -23.44° · cos(2π (N + 10) / 365.24), N days into the year. */
const declinationAt = (ofYear: number) => (-23.44 * Math.PI * Math.cos(2 * Math.PI * (ofYear + 10 / 365.24))) / 180

/** When the sun goes under on a day, counted from 1970-01-01, in hours from midnight: cos H = -tan φ tan δ. */
export function sunsetOf(number: number): number {
  const { ofYear } = phaseOf(number * day)
  return 12 + (12 / Math.PI) * Math.acos(-Math.tan(north) * Math.tan(declinationAt(ofYear)))
}

/**
 * Sine of the sun's height: sin h = sin φ sin δ + cos φ cos δ cos H, H the hour angle (Duffie and Beckman, Solar Engineering of Thermal Processes, 1.6).
 */
function sineOfSun(now: number): number {
  const { ofDay, ofYear } = phaseOf(now)
  const declination = declinationAt(ofYear)
  const hourAngle = 2 * Math.PI * (ofDay - 0.5)
  return Math.sin(north) * Math.sin(declination) + Math.cos(north) * Math.cos(declination) * Math.cos(hourAngle)
}

/** Illuminance in lx: 120 klx from the zenith, dimmed by clouds as 1 - 0.75 n^3.4 (Kasten and Czeplak, 1980). */
const illuminanceAt = (seed: number, now: number) =>
  120_000 * Math.max(0, sineOfSun(now)) * (1 - 0.75 * cloudsAt(seed, now) ** 3.4)

/** Magnus: over water, e is proportional to exp(17.625 T / (243.04 + T)), T in °C (Alduchov and Eskridge, 1996). */
const vapour = (temperature: number) => Math.exp((17.625 * temperature) / (243.04 + temperature))

/** Relative humidity in %: vapour pressure at the dew point, some degrees below the day's mean, over that of saturated air. */
function humidityAt(seed: number, now: number, temperature: number): number {
  const dewPoint = meanTemperature(seed, now) - 6.5 - 4 * smoothNoise(deriveSeed(seed, 3), now / day)
  return Math.min(100, (100 * vapour(dewPoint)) / vapour(temperature))
}

/** What the air does at a time, without the instrument. Pressure in hPa, wind in m/s. */
function airAt(seed: number, now: number) {
  const temperature = airTemperature(seed, now)
  const gust = 1 + 0.4 * smoothNoise(deriveSeed(seed, 6), now / 20_000)
  return {
    temperature,
    humidity: humidityAt(seed, now, temperature),
    pressure: 1013.25 + 14 * smoothNoise(deriveSeed(seed, 4), now / (2.5 * day)),
    wind_speed: (4 + 3.5 * smoothNoise(deriveSeed(seed, 5), now / (5 * hour))) * gust,
    illuminance: illuminanceAt(seed, now),
  }
}

const params = {
  interval: z.int().min(1).max(3600),
  sleep: z.int().min(0).max(86_400),
  offset: z.number().min(-5).max(5),
}
const memory = z.object({
  interval: known(params.interval),
  sleep: known(params.sleep),
  offset: known(params.offset),
})

/** A weather station outdoors: a daily curve, seasons and passing weather, each a function of seed and time alone. */
export function createWeather(seed: number, utc_offset_ms = 0): Model {
  let offset = 0
  let interval: number | null = null
  let sleep: number | null = null

  const commands = {
    set_interval: command('Seconds between readings', z.strictObject({ interval: params.interval }), given => {
      interval = given.interval
      return done({ interval })
    }),
    set_sleep: command(
      'Seconds to sleep after each reading, to spare the battery; 0 stays awake',
      z.strictObject({ sleep: params.sleep }),
      given => {
        sleep = given.sleep || null
        return done({ sleep: given.sleep })
      },
    ),
    set_offset: command('Calibrates the thermometer, °C', z.strictObject({ offset: params.offset }), given => {
      offset = given.offset
      return done({ offset })
    }),
  }
  const metrics = {
    temperature: { unit: '°C', kind: 'gauge' },
    humidity: { unit: '%', kind: 'gauge' },
    pressure: { unit: 'hPa', kind: 'gauge' },
    wind_speed: { unit: 'm/s', kind: 'gauge' },
    illuminance: { unit: 'lx', kind: 'gauge' },
  } as const
  return {
    hello: describe('weather', '2.0.1', metrics, commands),
    commands,
    settings: {
      interval: setBy('set_interval', 'interval'),
      sleep: setBy('set_sleep', 'sleep'),
      offset: setBy('set_offset', 'offset'),
    },
    state: () => ({ offset, sleep: sleep ?? 0, ...(interval === null ? {} : { interval }) }),
    resume({ values }) {
      const was = memory.parse(values)
      interval = was.interval ?? null
      sleep = was.sleep || null
      offset = was.offset ?? 0
    },
    intervalMs: () => (interval === null ? null : interval * 1000),
    sleepMs: () => (sleep === null ? null : sleep * 1000),
    advance(now) {
      const air = airAt(seed, now + utc_offset_ms)
      return {
        temperature: round(air.temperature + offset, 1),
        humidity: round(air.humidity, 1),
        pressure: round(air.pressure, 1),
        wind_speed: round(Math.max(0, air.wind_speed), 1),
        illuminance: round(air.illuminance, 0),
      }
    },
  }
}
