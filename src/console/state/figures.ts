const units = ['byte', 'kilobyte', 'megabyte', 'gigabyte', 'terabyte'] as const

/** A number of bytes as people read it: thousands of thousands. */
export function bytesText(bytes: number): string {
  const power = Math.min(units.length - 1, Math.floor(Math.log10(Math.max(1, Math.abs(bytes))) / 3))
  const unit = units[power] ?? 'byte'
  const options = {
    style: 'unit',
    unit,
    unitDisplay: power === 0 ? 'long' : 'short',
    maximumFractionDigits: 1,
  } as const
  return new Intl.NumberFormat(navigator.languages, options).format(bytes / 1000 ** power)
}

/** A line of the figures that the hub has for Prometheus. */
interface Figure {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

const line = /^(\w+)(?:\{(.*)\})? (\S+)$/
const label = /(\w+)="((?:[^"\\]|\\.)*)"/g

/** What `/metrics` says, as far as it is numbers. */
function figuresOf(text: string): Figure[] {
  return text.split('\n').flatMap(one => {
    const [, name, labels = '', value] = line.exec(one) ?? []
    if (name === undefined || value === undefined || Number.isNaN(Number(value))) return []
    const named = [...labels.matchAll(label)].map(([, key = '', said = '']) => [key, said] as const)
    return [{ name, labels: Object.fromEntries(named), value: Number(value) }]
  })
}

interface Requests {
  readonly route: string
  readonly count: number
  /** On average, in seconds. */
  readonly mean: number
}

const timed = 'hearth_http_request_duration_seconds'
const slowest = 10

/** The routes that took longest on average since the start. */
export function slowestRequests(figures: readonly Figure[]): Requests[] {
  const routes = new Map<string, { count: number; sum: number }>()
  for (const { name, labels, value } of figures) {
    if (name !== `${timed}_count` && name !== `${timed}_sum`) continue
    const route = `${labels.method ?? ''} ${labels.route ?? ''}`
    const known = routes.get(route) ?? { count: 0, sum: 0 }
    if (name.endsWith('_count')) known.count += value
    else known.sum += value
    routes.set(route, known)
  }
  return [...routes]
    .map(([route, { count, sum }]) => ({ route, count, mean: count === 0 ? 0 : sum / count }))
    .sort((a, b) => b.mean - a.mean)
    .slice(0, slowest)
}

const waiting: Readonly<Record<string, string>> = {
  hearth_notifications: 'Notifications',
  hearth_recordings_waiting: 'Recordings',
}

/** Work that is to be done, and work that was given up: of what kind, how it stands, and how much. */
export const waitingWork = (figures: readonly Figure[]) =>
  figures.flatMap(({ name, labels, value }) => {
    const kind = waiting[name]
    return kind === undefined || value === 0 ? [] : [{ kind, state: Object.values(labels)[0] ?? '', count: value }]
  })

/** @throws TypeError when nobody answers */
export async function readFigures(): Promise<Figure[]> {
  const answer = await fetch('/metrics')
  return answer.ok ? figuresOf(await answer.text()) : []
}
