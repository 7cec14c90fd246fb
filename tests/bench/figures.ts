import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { cpus } from 'node:os'
import { dirname } from 'node:path'
import { z } from 'zod'

const figure = z.object({
  name: z.string(),
  value: z.number().nullable(),
  unit: z.string(),
  /** The bar: what the value must reach, or must not exceed. A figure without one is there to be compared. */
  least: z.number().optional(),
  most: z.number().optional(),
  /** What the value was made of. */
  note: z.string().optional(),
})
const run = z.object({
  date: z.string(),
  node: z.string(),
  cpus: z.int(),
  seconds: z.number(),
  figures: z.array(figure),
})
const results = z.record(z.string(), run)

/** `value` is null where there is nothing that could be measured; its bar is then missed. */
export type Figure = z.infer<typeof figure>

/** What the command line asked of every benchmark. */
export interface Options {
  /** Measures briefly, on little data. */
  readonly quick: boolean
  /** Queries 100 million points as well. */
  readonly large: boolean
}

/** What a benchmark needs is not on this machine; the message says what, and how it comes there. */
export class Missing extends Error {}

/** @throws Missing */
export type Benchmark = (options: Options) => Promise<Figure[]>

/** Where the last run of each benchmark is kept, in the working directory. */
const file = 'tests/bench/results/latest.json'

type Results = z.infer<typeof results>

async function readResults(): Promise<Results> {
  try {
    return results.parse(JSON.parse(await readFile(file, 'utf8')))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {}
    throw error
  }
}

/** Runs a benchmark, prints its figures beside those of its last run, and keeps them for the next. @returns how many bars were missed */
export async function measure(name: string, benchmark: Benchmark, options: Options): Promise<number> {
  // Figures of brief runs and of other data are compared with their own kind.
  const kind = [name, options.quick ? 'quick' : '', options.large ? 'large' : ''].filter(part => part !== '').join(' ')
  console.log(`\n${kind}`)
  const begun = performance.now()
  const figures = await benchmark(options)
  const known = await readResults()
  const before = known[kind]
  console.log(before ? `        beside the run of ${before.date}` : '        the first run')
  for (const one of figures) {
    const last = before?.figures.find(({ name }) => name === one.name)
    console.log(lineOf(one, last))
  }
  const seconds = Math.round((performance.now() - begun) / 1000)
  const now = { date: new Date().toISOString(), node: process.version, cpus: cpus().length, seconds, figures }
  await mkdir(dirname(file), { recursive: true })
  await writeFile(file, `${JSON.stringify({ ...known, [kind]: now }, null, 2)}\n`)
  return figures.filter(one => !isMet(one)).length
}

function isMet({ value, least, most }: Figure): boolean {
  if (value === null) return least === undefined && most === undefined
  return (least === undefined || value >= least) && (most === undefined || value <= most)
}

function lineOf(one: Figure, last: Figure | undefined): string {
  const { name, value, unit, least, most, note } = one
  const bar = least !== undefined ? `at least ${least}` : most !== undefined ? `at most ${most}` : ''
  const verdict = bar === '' ? '' : isMet(one) ? 'ok' : 'MISSED'
  const shown = value === null ? 'none' : `${written(value)} ${unit}`.trimEnd()
  const parts = [
    verdict.padEnd(6),
    name.padEnd(64),
    shown.padStart(14),
    bar.padEnd(15),
    last ? comparison(value, last.value) : '',
  ]
  return `${parts.join('  ').trimEnd()}${note === undefined ? '' : `\n${' '.repeat(8)}${note}`}`
}

function comparison(value: number | null, last: number | null): string {
  if (value === null || last === null) return `was ${last === null ? 'none' : written(last)}`
  const change = last === 0 ? '' : ` (${value >= last ? '+' : ''}${((value / last - 1) * 100).toFixed(0)} %)`
  return `was ${written(last)}${change}`
}

const written = (value: number) => (Math.abs(value) >= 1000 ? value.toFixed(0) : `${Number(value.toPrecision(3))}`)

/** The value that `share` (0 to 1) of all do not exceed; 0 when there is none. */
export function percentile(values: readonly number[], share: number): number {
  return values.toSorted((a, b) => a - b)[Math.floor((values.length - 1) * share)] ?? 0
}

/** The one in the middle, of an even number the mean of the two there; 0 when there is none. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = (sorted.length - 1) / 2
  return ((sorted[Math.floor(middle)] ?? 0) + (sorted[Math.ceil(middle)] ?? 0)) / 2
}

/** All rounds, for a figure's note. */
export const rounds = (values: readonly number[]) => `rounds: ${values.map(written).join(' ')}`
