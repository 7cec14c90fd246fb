import { createRandom, deriveSeed } from '../../simulators/random.js'
import { coAlarm, lowSmokeAlarm, smokeAlarm } from '../../simulators/sound/alarms.js'
import { inNoise } from '../../simulators/sound/clip.js'
import { glassBreak } from '../../simulators/sound/glass.js'
import { household } from '../../simulators/sound/household.js'
import { music } from '../../simulators/sound/music.js'
import { babble, hum, pink, voice, weather, white } from '../../simulators/sound/noise.js'
import { inRoom } from '../../simulators/sound/room.js'
import type { Sound } from '../../simulators/sound/sound.js'

export type Synthesis = (seed: number, seconds: number) => Sound

/** What each detector must hear, and how long a clip it gets. A clip of 10 s always holds most of two cycles of temporal-three. */
export const targets: Readonly<Record<string, { readonly seconds: number; readonly sounds: readonly Synthesis[] }>> = {
  smoke_alarm: { seconds: 10, sounds: [smokeAlarm, lowSmokeAlarm] },
  co_alarm: { seconds: 13, sounds: [coAlarm] },
  glass_break: { seconds: 4, sounds: [glassBreak] },
}

/** What none of these must take for its own. */
export const lookAlikes: Readonly<Record<string, Synthesis>> = {
  ...household,
  music,
  voice,
  babble,
  hum,
  weather,
  white,
  pink,
}

const noises = [white, pink, babble, weather] as const

/** dB; clean first. */
export const ratios = [Number.POSITIVE_INFINITY, 20, 10, 5, 0]

/** The sound in a room of its own, loud or faint, in each ratio to a noise of its own. */
export function clipsOf(synthesis: Synthesis, seed: number, seconds: number, snrs: readonly number[]): Sound[] {
  const random = createRandom(deriveSeed(seed, 1))
  const sound = inRoom(synthesis(seed, seconds), random.between(0.1, 0.9), random.between(0, 0.8), seed)
  const noise = random.pick(noises)(deriveSeed(seed, 2), seconds)
  const peak = 10 ** random.between(-1.5, -0.1)
  return snrs.map(snr => inNoise(sound, noise, Math.min(snr, 90), peak))
}
