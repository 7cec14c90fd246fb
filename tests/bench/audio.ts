import { rate } from '../../simulators/sound/sound.js'
import { detectors } from '../../src/audio/detectors.js'
import { clipsOf, lookAlikes, ratios, targets } from '../audio/clips.js'
import { falseAlarms, recall } from '../audio/scores.js'
import { type Figure, median, type Options, rounds } from './figures.js'

/** The detectors were made on other seeds. */
const seed = 7
const seconds = 60

/** How well the detectors hear, on more sounds than the tests have, and how long they listen to a minute. */
export async function audio({ quick }: Options): Promise<Figure[]> {
  const count = quick ? 10 : 100
  const heard = (await recall(seed, count)).map(({ key, sound, shares }) => ({
    name: `${key}: recall of ${sound} at 10 dB`,
    value: shares[ratios.indexOf(10)] ?? 0,
    unit: '',
    least: 0.95,
    note: ratios.map((ratio, at) => `${Number.isFinite(ratio) ? `${ratio} dB` : 'clean'} ${shares[at]}`).join(', '),
  }))
  const mistaken = (await falseAlarms(seed, quick ? 5 : 40)).map(({ key, clips, share, by }) => ({
    name: `${key}: false alarms on look-alikes`,
    value: 100 * share,
    unit: '%',
    most: 1,
    note: `${clips} clips, seed ${seed}: ${JSON.stringify(by)}`,
  }))
  return [...(await speed(quick ? 3 : 10)), ...heard, ...mistaken]
}

/** A minute of each kind of sound that costs much, by all detectors, one after the other; in time of a processor, for this one is shared. */
async function speed(times: number): Promise<Figure[]> {
  const figures: Figure[] = []
  for (const synthesis of [lookAlikes.music, lookAlikes.rain, ...(targets.smoke_alarm?.sounds ?? [])]) {
    const [clip] = synthesis === undefined ? [] : clipsOf(synthesis, seed, seconds, [10])
    if (synthesis === undefined || clip === undefined) continue
    const ms: number[] = []
    for (let i = 0; i <= times; i++) {
      // Nothing is known of a clip that is new.
      const fresh = Float32Array.from(clip)
      const begun = process.cpuUsage()
      for (const detector of detectors) await detector.detect(fresh, rate, detector.thresholds.parse({}))
      const { user, system } = process.cpuUsage(begun)
      ms.push((user + system) / 1000)
    }
    figures.push({
      name: `a minute of ${synthesis.name} by all ${detectors.length} detectors`,
      value: median(ms.slice(1)),
      unit: 'ms CPU',
      most: 1000,
      note: rounds(ms),
    })
  }
  return figures
}
