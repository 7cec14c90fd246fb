import { readdir, readFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { z } from 'zod'
import { HubError } from '../errors.js'
import { severities } from '../inbound.js'
import type { Detection, Detector } from './detector.js'
import { logMel } from './log-mel.js'
import { openModel } from './onnx-runtime.js'
import { Resampler } from './resampler.js'

const word = z.string().regex(/^[a-z0-9_-]{1,64}$/)
const share = z.number().min(0).max(1)
/** A number stands for itself, `1` mostly; each word once for what the input has of it. */
const dimension = z.union([z.int().min(1), z.enum(['samples', 'frames', 'bands'])])

/** `{name}.json` beside `{name}.onnx`: what the model wants to hear, and what its answers mean. */
const description = z.strictObject({
  key: word,
  title: z.string().min(1).max(128),
  severity: z.enum(severities).default('warning'),
  /** Samples a second. */
  rate: z.int().min(1000).max(48_000).default(16_000),
  /** What it hears at a time, in seconds; windows overlap by half. */
  window_seconds: z.number().min(0.05).max(60),
  input: z.strictObject({
    name: z.string().min(1),
    shape: z.array(dimension).min(1).max(5),
    /** Without, it hears the waveform. */
    log_mel: z
      .strictObject({
        bands: z.int().min(2).max(256),
        low_hz: z.number().min(0),
        high_hz: z.number().min(1),
        frame_seconds: z.number().min(0.004).max(0.2).default(0.025),
        hop_seconds: z.number().min(0.002).max(0.2).default(0.01),
        /** Added before the logarithm is taken. */
        offset: z.number().positive().default(1e-6),
      })
      .optional(),
  }),
  output: z.strictObject({
    name: z.string().min(1),
    /** What makes shares of its answers. */
    activation: z.enum(['none', 'sigmoid', 'softmax']).default('none'),
    /** By their places. */
    classes: z.array(z.string().min(1).max(128)).min(1).max(2000),
  }),
  /** The classes that are looked for, and how sure the model must be. */
  thresholds: z.record(z.string(), share).refine(given => Object.keys(given).length > 0, 'name at least one class'),
})
export type Description = z.infer<typeof description>

/** Runs a model on the values of one input. @returns the values of its output */
export type Run = (values: Float32Array, shape: readonly number[]) => Promise<Float32Array>

/**
 * The detectors that a folder's ONNX classifiers are. Nothing is loaded until one is asked to hear something.
 * @throws HubError `invalid_request` for a folder that cannot be read, or a description that says nothing sensible
 */
export async function describedModels(folder: string): Promise<Detector[]> {
  const files = await readdir(folder).catch(refuse('HEARTH_AUDIO_MODELS'))
  const names = files.filter(name => name.endsWith('.json')).sort()
  return Promise.all(names.map(name => describedModel(join(folder, name))))
}

/** Says of what it was that something failed. */
const refuse = (what: string) => (cause: unknown) => {
  throw new HubError('invalid_request', `${what}: ${cause instanceof Error ? cause.message : cause}`, [], cause)
}

async function describedModel(file: string): Promise<Detector> {
  const written: unknown = await readFile(file, 'utf8')
    .then(JSON.parse)
    .catch(refuse(basename(file)))
  const parsed = description.safeParse(written)
  if (!parsed.success) throw new HubError('invalid_request', `${basename(file)}: ${z.prettifyError(parsed.error)}`)
  const unknown = Object.keys(parsed.data.thresholds).filter(name => !parsed.data.output.classes.includes(name))
  if (unknown.length > 0)
    throw new HubError('invalid_request', `${basename(file)}: the model has no class ${unknown.join(', ')}.`)
  return onnxDetector(parsed.data, file.replace(/\.json$/, '.onnx'))
}

function onnxDetector(model: Description, file: string): Detector {
  const { key, title, severity } = model
  const limits = Object.entries(model.thresholds).map(([name, least]) => [name, share.default(least)] as const)
  let opened: Promise<Run> | null = null
  return {
    key,
    title,
    severity,
    thresholds: z.strictObject(Object.fromEntries(limits)),
    async detect(samples, rate, thresholds) {
      try {
        opened ??= openModel(file, model)
        return judge(await classify(model, await opened, samples, rate), thresholds)
      } catch (error) {
        // A model that cannot be run is its owner's to mend; the other detectors go on without it.
        opened = null
        return { detected: false, score: 0, details: { error: error instanceof Error ? error.message : String(error) } }
      }
    },
  }
}

function judge(heard: ReadonlyMap<string, number>, thresholds: Readonly<Record<string, unknown>>): Detection {
  const found = Object.entries(thresholds).map(([name, least]) => ({
    name,
    least: Number(least),
    is: heard.get(name) ?? 0,
  }))
  const score = Math.max(
    ...found.map(({ is, least }) => (is < least ? (0.5 * is) / least : 0.5 + (0.5 * (is - least)) / (1 - least || 1))),
  )
  const details = Object.fromEntries(found.map(({ name, is }) => [name, Math.round(is * 1000) / 1000]))
  return { detected: found.some(({ is, least }) => is >= least), score: Math.min(1, score), details }
}

/** How sure the model is of each class, in the window where it is surest. */
async function classify(
  model: Description,
  run: Run,
  samples: Float32Array,
  rate: number,
): Promise<Map<string, number>> {
  const { classes, activation } = model.output
  const heard = new Map<string, number>()
  for (const window of windowsOf(resampled(samples, rate, model.rate), model.window_seconds * model.rate)) {
    const { values, shape } = inputOf(model, window)
    const answers = activated[activation](await run(values, shape))
    for (const [place, name] of classes.entries()) heard.set(name, Math.max(heard.get(name) ?? 0, answers[place] ?? 0))
  }
  return heard
}

function resampled(samples: Float32Array, from: number, to: number): Float32Array {
  if (from === to) return samples
  const resampler = new Resampler(from, to)
  const [most, rest] = [resampler.push(samples), resampler.end()]
  const all = new Float32Array(most.length + rest.length)
  all.set(most)
  all.set(rest, most.length)
  return all
}

/** Windows that overlap by half; the last one is filled up with silence. */
function* windowsOf(samples: Float32Array, length: number): Generator<Float32Array> {
  const size = Math.round(length)
  for (let from = 0; from === 0 || from + size / 2 < samples.length; from += Math.ceil(size / 2)) {
    const window = new Float32Array(size)
    window.set(samples.subarray(from, from + size))
    yield window
  }
}

function inputOf({ rate, input }: Description, window: Float32Array) {
  const mel = input.log_mel === undefined ? null : logMel(window, rate, input.log_mel)
  const has = { samples: window.length, frames: mel?.frames ?? 0, bands: mel?.bands ?? 0 }
  const shape = input.shape.map(part => (typeof part === 'number' ? part : has[part]))
  if (mel === null) return { values: window, shape }
  const bandsFirst = input.shape.indexOf('bands') < input.shape.indexOf('frames')
  return { values: bandsFirst ? transposed(mel.values, mel.bands) : mel.values, shape }
}

const transposed = (values: Float32Array, width: number): Float32Array =>
  values.map((_, at) => {
    const height = values.length / width
    return values[(at % height) * width + Math.floor(at / height)] ?? 0
  })

const activated: Record<Description['output']['activation'], (answers: Float32Array) => Float32Array> = {
  none: answers => answers,
  sigmoid: answers => answers.map(x => 1 / (1 + Math.exp(-x))),
  softmax: answers => {
    const largest = answers.reduce((most, x) => Math.max(most, x), Number.NEGATIVE_INFINITY)
    const powers = answers.map(x => Math.exp(x - largest))
    const sum = powers.reduce((all, power) => all + power, 0)
    return powers.map(power => power / sum)
  },
}
