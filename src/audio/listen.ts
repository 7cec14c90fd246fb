import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { decode } from './decode.js'
import type { Detector } from './detector.js'
import { BadRecording } from './faults.js'
import { rate } from './mono.js'
import type { Outcome, Result, Task } from './result.js'

/** Decodes a recording and has the detectors listen to it. What is wrong with the recording is an outcome; anything else is thrown. */
export async function listen(task: Task, detectors: readonly Detector[]): Promise<Outcome> {
  const begun = performance.now()
  try {
    const sound = await decode(checked(task), task.content_type, task.max_seconds)
    const detections = await detectAll(task, detectors, sound.samples)
    const { samples: _, ...heard } = sound
    return { result: { ...heard, took_ms: Math.round(performance.now() - begun), detections } }
  } catch (error) {
    if (!(error instanceof BadRecording)) throw error
    return { error: { code: error.code, message: error.message }, again: false }
  }
}

async function detectAll({ models }: Task, detectors: readonly Detector[], samples: Float32Array) {
  const detections: Result['detections'] = []
  for (const { key, thresholds } of models) {
    const detector = detectors.find(one => one.key === key)
    if (detector)
      detections.push({ key, ...(await detector.detect(samples, rate, detector.thresholds.parse(thresholds))) })
  }
  return detections
}

/** The bytes as they come: as many as there should be, and, where that is known, those that there should be. */
async function* checked({ source, bytes, sha256 }: Task): AsyncGenerator<Buffer> {
  const hash = createHash('sha256')
  let read = 0
  for await (const piece of 'file' in source ? fromFile(source.file) : fromUrl(source.url)) {
    read += piece.length
    if (read > bytes) throw new BadRecording('checksum_mismatch', 'It is longer than it was when it was uploaded.')
    hash.update(piece)
    yield piece
  }
  if (read < bytes) throw new BadRecording('checksum_mismatch', 'It is shorter than it was when it was uploaded.')
  if (sha256 !== null && hash.digest('hex') !== sha256)
    throw new BadRecording('checksum_mismatch', 'It is not what its checksum says.')
}

const missing = (cause?: unknown) => new BadRecording('missing', 'Its sound is not there any more.', cause)

async function* fromFile(file: string): AsyncGenerator<Buffer> {
  try {
    yield* createReadStream(file)
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') throw missing(error)
    throw error
  }
}

async function* fromUrl(url: string): AsyncGenerator<Buffer> {
  const { ok, status, body } = await fetch(url)
  if (status === 404) throw missing()
  if (!ok || !body) throw new Error(`The recording could not be fetched: ${status}.`)
  for await (const piece of body) yield Buffer.from(piece)
}
