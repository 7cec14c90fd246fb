const units = [
  ['day', 86_400],
  ['hour', 3600],
  ['minute', 60],
] as const

/** So many seconds as people say it, in the largest unit that they fill without a rest. */
export function durationText(seconds: number): string {
  const [unit, size] = units.find(([, size]) => seconds >= size && seconds % size === 0) ?? ['second', 1]
  return new Intl.NumberFormat(navigator.languages, { style: 'unit', unit, unitDisplay: 'long' }).format(seconds / size)
}
