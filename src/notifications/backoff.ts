const firstMs = 5000
const maxMs = 3_600_000

/**
 * How long to wait after so many attempts have failed, in milliseconds: 5 s, 10 s, 20 s … an hour, each from half of it to the whole, so that
 * what failed together does not come back together.
 */
export function backoffMs(failed: number, random = Math.random()): number {
  const whole = Math.min(firstMs * 2 ** (failed - 1), maxMs)
  return Math.round(whole / 2 + (whole / 2) * random)
}
