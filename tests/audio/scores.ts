import { deriveSeed } from '../../simulators/random.js'
import { rate, type Sound } from '../../simulators/sound/sound.js'
import type { Detector } from '../../src/audio/detector.js'
import { detectors } from '../../src/audio/detectors.js'
import { clipsOf, lookAlikes, ratios, type Synthesis, targets } from './clips.js'

/** How often a detector heard what it should, at each of `ratios`. */
export interface Recall {
  readonly key: string
  readonly sound: string
  readonly shares: readonly number[]
}

/** How often a detector took something else for its own. */
export interface FalseAlarms {
  readonly key: string
  readonly clips: number
  readonly share: number
  /** What it took for its own, and how often. */
  readonly by: Readonly<Record<string, number>>
}

const hunters = detectors.filter(({ key }) => Object.hasOwn(targets, key))

const hears = async (detector: Detector, clip: Sound) =>
  (await detector.detect(clip, rate, detector.thresholds.parse({}))).detected

/** `count` of each sound at every ratio; which ones follows from `seed`. */
export async function recall(seed: number, count: number): Promise<Recall[]> {
  const rows: Recall[] = []
  for (const detector of hunters)
    for (const synthesis of soundsOf(detector.key)) {
      const heard = ratios.map(() => 0)
      for (let i = 0; i < count; i++)
        for (const [at, clip] of clipsOf(synthesis, deriveSeed(seed, i), secondsOf(detector.key), ratios).entries())
          if (await hears(detector, clip)) heard[at] = (heard[at] ?? 0) + 1
      rows.push({ key: detector.key, sound: synthesis.name, shares: heard.map(hits => hits / count) })
    }
  return rows
}

/** `count` of each look-alike, and of what is another detector's, clean and in noise by turns. */
export async function falseAlarms(seed: number, count: number): Promise<FalseAlarms[]> {
  const tally = hunters.map(({ key }) => ({ key, clips: 0, by: new Map<string, number>() }))
  for (const [owner, synthesis] of decoys())
    for (let i = 0; i < count; i++) {
      const ratio = ratios[i % ratios.length] ?? 0
      const [clip = new Float32Array()] = clipsOf(synthesis, deriveSeed(seed, 100_000 + i), 8, [ratio])
      for (const [index, detector] of hunters.entries()) {
        const row = tally[index]
        if (row === undefined || detector.key === owner) continue
        row.clips++
        if (await hears(detector, clip)) row.by.set(synthesis.name, (row.by.get(synthesis.name) ?? 0) + 1)
      }
    }
  return tally.map(({ key, clips, by }) => {
    const alarms = [...by.values()].reduce((sum, hits) => sum + hits, 0)
    return { key, clips, share: alarms / clips, by: Object.fromEntries(by) }
  })
}

/** Every sound, and whose it is. */
const decoys = (): [owner: string | null, Synthesis][] => [
  ...Object.values(lookAlikes).map((synthesis): [null, Synthesis] => [null, synthesis]),
  ...Object.keys(targets).flatMap(key => soundsOf(key).map((synthesis): [string, Synthesis] => [key, synthesis])),
]

const soundsOf = (key: string) => targets[key]?.sounds ?? []
const secondsOf = (key: string) => targets[key]?.seconds ?? 10

/** For people: one line a row. */
export const linesOf = (rows: readonly (Recall | FalseAlarms)[]): string =>
  rows
    .map(row =>
      'shares' in row
        ? `${row.key} ${row.sound}: ${row.shares.map((share, at) => `${nameOf(ratios[at])} ${share.toFixed(3)}`).join(', ')}`
        : `${row.key}: ${(row.share * row.clips).toFixed(0)} of ${row.clips} look-alikes ${JSON.stringify(row.by)}`,
    )
    .join('\n')

const nameOf = (ratio = Number.POSITIVE_INFINITY) => (Number.isFinite(ratio) ? `${ratio} dB` : 'clean')
