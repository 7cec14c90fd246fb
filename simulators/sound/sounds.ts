import { coAlarm, lowSmokeAlarm, smokeAlarm } from './alarms.js'
import { inNoise } from './clip.js'
import { glassBreak } from './glass.js'
import { household } from './household.js'
import { music } from './music.js'
import { hum, pink, voice } from './noise.js'
import { inRoom } from './room.js'
import { lasting, type Sound } from './sound.js'

/** What a microphone may come to hear, by the name that its command knows. */
const sounds = {
  talk: voice,
  music,
  hum,
  microwave: household.microwave,
  phone: household.phone,
  timer: household.timer,
  kettle: household.kettle,
  door_slam: household.doorSlam,
  clapping: household.clapping,
  dishes: household.dishes,
  smoke_alarm: smokeAlarm,
  low_smoke_alarm: lowSmokeAlarm,
  co_alarm: coAlarm,
  glass_break: glassBreak,
} satisfies Record<string, (seed: number, seconds: number) => Sound>

export type SoundName = keyof typeof sounds
export const soundNames = Object.keys(sounds) as [SoundName, ...SoundName[]]

/** Of full scale: 86 dB on a microphone whose full scale is 120 dB, a smoke alarm three metres off (UL 217 demands 85 dB). */
const loudest = 0.02

/** A sound in a room with some noise; or what a microphone makes of it that is cut off. */
export function clipOf(name: SoundName | 'nothing', seed: number, seconds: number): Sound {
  if (name === 'nothing') return lasting(seconds)
  return inNoise(inRoom(sounds[name](seed, seconds), 0.3, 0.2, seed), pink(seed + 1, seconds), 20, loudest)
}
