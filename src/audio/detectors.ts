import type { Detector } from './detector.js'
import { carbonMonoxideAlarm, smokeAlarm } from './detectors/alarms.js'
import { glassBreak } from './detectors/glass.js'
import { loudness } from './detectors/loudness.js'
import { silence } from './detectors/silence.js'

/** Every detector that needs nothing but the hub. */
export const detectors: readonly Detector[] = [smokeAlarm, carbonMonoxideAlarm, glassBreak, loudness, silence]
