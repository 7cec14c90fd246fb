import { HubError } from '../errors.js'
import type { Detector } from './detector.js'
import { carbonMonoxideAlarm, smokeAlarm } from './detectors/alarms.js'
import { glassBreak } from './detectors/glass.js'
import { loudness } from './detectors/loudness.js'
import { silence } from './detectors/silence.js'
import { describedModels } from './onnx.js'

/** Every detector that needs nothing but the hub. */
export const detectors: readonly Detector[] = [smokeAlarm, carbonMonoxideAlarm, glassBreak, loudness, silence]

/**
 * These, and the ONNX classifiers of a folder where there is one.
 * @throws HubError `invalid_request` for one that is not described well, or has the key of another
 */
export async function detectorsWith(models: string | undefined): Promise<readonly Detector[]> {
  if (models === undefined) return detectors
  const all = [...detectors, ...(await describedModels(models))]
  const twice = all.find(({ key }, index) => all.findIndex(other => other.key === key) < index)
  if (twice) throw new HubError('invalid_request', `Two detectors have the key ${twice.key}.`)
  return all
}
