/** Numbers have fifteen digits or so: where they differ by less than this part of them, the steps between are lost in rounding. */
const closest = 1e-12
const room = 1e-9

const finite = (value: number) => Math.max(-Number.MAX_VALUE, Math.min(Number.MAX_VALUE, value))

/**
 * A little below and a little above numbers that are as good as equal; null where they differ enough to be drawn by themselves. An axis
 * whose steps are lost in rounding would have no end.
 */
export function aroundEqual(least: number, most: number): [number, number] | null {
  const size = Math.max(Math.abs(least), Math.abs(most))
  if (most - least > size * closest) return null
  const around = Math.max(1, size * room)
  return [finite(least - around), finite(most + around)]
}
