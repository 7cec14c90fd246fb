import type { Detector } from './detector.js'
import { loudness } from './detectors/loudness.js'

/** Every detector that needs nothing but the hub. */
export const detectors: readonly Detector[] = [loudness]
