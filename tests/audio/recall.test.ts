import { expect, it } from 'vitest'
import { ratios } from './clips.js'
import { linesOf, recall } from './scores.js'

/** The detectors were made on other seeds. */
const [seed, count] = [20_261, 16]

it('hears alarms and breaking glass in rooms and in noise: at 10 dB at least 95 of a hundred', {
  timeout: 180_000,
}, async () => {
  const rows = await recall(seed, count)
  console.log(`seed ${seed}, ${count} of each\n${linesOf(rows)}`)
  expect(rows.length).toBe(4)
  for (const { key, shares } of rows)
    for (const [at, share] of shares.entries())
      if ((ratios[at] ?? 0) >= 10)
        expect([key, share]).toEqual([key, expect.toSatisfy((heard: number) => heard >= 0.95 - 1 / count / 2)])
})
