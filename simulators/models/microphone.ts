import { z } from 'zod'
import { type Clip, command, describe, done, known, type Model, round, setBy } from '../model.js'
import { createRandom, deriveSeed, smoothNoise } from '../random.js'
import { clipOf, type SoundName, soundNames } from '../sound/sounds.js'
import { wavOf } from '../sound/wav.js'

const minute = 60_000
const hour = 60 * minute
/** What it records by itself is seldom an alarm. */
const everyday: readonly [SoundName, ...SoundName[]] = [
  'talk',
  'music',
  'microwave',
  'phone',
  'kettle',
  'door_slam',
  'dishes',
]
const alarmProbability = 0.02
const alarms: readonly [SoundName, ...SoundName[]] = ['smoke_alarm', 'co_alarm', 'glass_break']
/** How long its own recordings are: both alarms come round twice. */
const clipSeconds = 13
/** Clips kept until they are asked for, the oldest lost first. */
const maxClips = 4

const params = {
  sound: z.enum([...soundNames, 'nothing']).default('talk'),
  seconds: z.int().min(1).max(60).default(clipSeconds),
}

const minutes = z.int().min(0).max(1440)
const memory = z.object({
  recordings: known(z.int().min(0)),
  schedule: known(minutes),
  heard: known(z.string()),
})

/** How much goes on in a room: nothing at night, most in the afternoon; in [0, 1]. */
const bustleAt = (local: number) => Math.max(0, Math.sin((Math.PI * (((local / hour) % 24) - 6)) / 17))

/** A microphone in a room: its level, and recordings each few minutes or when it is told to. */
export function createMicrophone(seed: number, utc_offset_ms = 0): Model {
  const random = createRandom(seed)
  let schedule = 5
  let next: number | null = null
  let recorded = 0
  let heard = 'none'
  let clips: Clip[] = []

  function record(sound: z.output<typeof params.sound>, seconds: number, now: number): void {
    const own = deriveSeed(seed, ++recorded)
    clips.push({ recorded_at: now, content_type: 'audio/wav', make: () => wavOf(clipOf(sound, own, seconds)) })
    if (clips.length > maxClips) clips.shift()
  }

  function keepSchedule(now: number): void {
    const due = next ?? now + schedule * minute
    next = due
    if (schedule === 0 || now < due) return
    next = now + schedule * minute
    record(random.pick(random.chance(alarmProbability) ? alarms : everyday), clipSeconds, now)
  }

  const commands = {
    record: command('Records what it hears, and uploads it', z.strictObject(params), ({ sound, seconds }, now) => ({
      duration_ms: seconds * 1000,
      end: () => {
        record(sound, seconds, now)
        return { result: { sound, seconds } }
      },
    })),
    set_schedule: command(
      'Minutes between recordings; 0 records only when told',
      z.strictObject({ schedule: minutes }),
      (to, now) => {
        schedule = to.schedule
        next = now + schedule * minute
        return done({ schedule })
      },
    ),
  }
  const metrics = { level: { unit: 'dB', kind: 'gauge' }, recordings: { unit: '', kind: 'counter' } } as const
  return {
    hello: describe('microphone', '1.2.0', metrics, commands),
    commands,
    settings: { schedule: setBy('set_schedule', 'schedule') },
    state: () => ({ schedule, heard }),
    resume({ values }) {
      const was = memory.parse(values)
      recorded = was.recordings ?? recorded
      schedule = was.schedule ?? schedule
      heard = was.heard ?? heard
    },
    advance(now) {
      keepSchedule(now)
      const noise = smoothNoise(deriveSeed(seed, 0), now / (20 * minute))
      const level = 33 + 9 * bustleAt(now + utc_offset_ms) + 4 * noise + random.gaussian(0, 0.5)
      return { level: round(level, 1), recordings: recorded }
    },
    drainClips() {
      const drained = clips
      clips = []
      return drained
    },
    hear(keys) {
      heard = keys.length > 0 ? keys.join(' ') : 'nothing'
    },
  }
}
