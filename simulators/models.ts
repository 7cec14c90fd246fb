import { HubError } from '../src/errors.js'
import type { Model } from './model.js'
import { createLight } from './models/light.js'
import { createLock } from './models/lock.js'
import { createMicrophone } from './models/microphone.js'
import { createPowerMeter } from './models/power-meter.js'
import { createThermostat } from './models/thermostat.js'
import { createWeather } from './models/weather.js'

/** Every model by the name that the command line knows. The sun of those that know the time of day is `utc_offset_ms` ahead of UTC. */
export const models = {
  thermostat: createThermostat,
  light: createLight,
  lock: createLock,
  weather: createWeather,
  power_meter: createPowerMeter,
  microphone: createMicrophone,
} satisfies Record<string, (seed: number, utc_offset_ms?: number) => Model>

export type ModelName = keyof typeof models
export const modelNames = Object.keys(models) as [ModelName, ...ModelName[]]

/**
 * The models that a fleet called `name` is made of: one, or with `fleet` all of them in turn. `power-meter` is read as `power_meter`.
 * @throws HubError invalid_request when there is no such model
 */
export function modelsOf(name: string): readonly [ModelName, ...ModelName[]] {
  if (name === 'fleet') return modelNames
  const found = modelNames.find(known => known === name.replaceAll('-', '_'))
  if (found !== undefined) return [found]
  throw new HubError('invalid_request', `No such model: ${name}.`, [`models: ${modelNames.join(', ')}, fleet`])
}
