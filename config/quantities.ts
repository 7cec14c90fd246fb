export const durationPattern = /^(\d+)(m|h|d|y)$|^forever$/
const bytesPattern = /^(\d+(?:\.\d+)?) ?(B|KB|MB|GB|TB)$/i

/** Milliseconds of a duration like `30d`; Infinity for `forever`. */
export function durationMs(text: string): number {
  const match = durationPattern.exec(text)
  if (!match) throw new RangeError(`not a duration: ${text}`)
  const unit = { m: 60_000, h: 3_600_000, d: 86_400_000, y: 365 * 86_400_000 }[match[2] ?? '']
  return unit === undefined ? Number.POSITIVE_INFINITY : Number(match[1]) * unit
}

/** Bytes of an amount like `20GB`, in powers of 1000; null for what is none. Only `0` has no unit: 20 might be meant as gigabytes. */
export function bytesOf(text: string): number | null {
  if (text.trim() === '0') return 0
  const [, amount, unit = ''] = bytesPattern.exec(text.trim()) ?? []
  if (amount === undefined) return null
  const power = ['B', 'KB', 'MB', 'GB', 'TB'].indexOf(unit.toUpperCase())
  return Math.round(Number(amount) * 1000 ** power)
}
