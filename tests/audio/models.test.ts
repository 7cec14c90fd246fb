import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { rate, shaped } from '../../simulators/sound/sound.js'
import { wavOf } from '../../simulators/sound/wav.js'
import { startHub, type TestHub, until } from '../helper.js'
import { linearModel, matrix, pitch } from './onnx-model.js'
import { upload } from './uploading.js'

let folder: string
let hub: TestHub

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hearth-models-'))
  await writeFile(join(folder, 'pitch.json'), JSON.stringify(pitch))
  await writeFile(join(folder, 'pitch.onnx'), linearModel(matrix))
  hub = await startHub({ HEARTH_AUDIO_MODELS: folder })
})

afterAll(async () => {
  await hub.close()
  await rm(folder, { recursive: true, force: true })
})

interface Recording {
  readonly status: string
  readonly result: { readonly detections: readonly { readonly key: string; readonly details: object }[] } | null
}

it('a model of one’s own is a detector like the others: with a threshold to choose, and a part of each result', async () => {
  const { models } = await hub.client.get<{ models: { readonly enabled: boolean }[] }>('/model-config?home_id=home')
  expect(models).toContainEqual(expect.objectContaining({ model_key: 'pitch', thresholds: { high: 0.9 } }))
  const api_key = await hub.device('ear')
  const tone = wavOf(shaped(2, t => 0.1 * Math.sin(2 * Math.PI * 3000 * t)))
  expect(tone.length).toBe(44 + 2 * 2 * rate)
  const { id } = await upload({ url: hub.http_url, api_key }, tone)
  const heard = await until(async () => {
    const { recording } = await hub.client.get<{ recording: Recording }>(`/ingest/${id}`)
    return recording.status === 'done' ? recording.result : null
  })
  const found = heard.detections.find(({ key }) => key === 'pitch')
  // Either what it has heard, or that its runtime is not installed.
  expect(Object.keys(found?.details ?? {})).toEqual([expect.stringMatching(/^(high|error)$/)])
  expect(heard.detections.length).toBe(models.filter(({ enabled }) => enabled).length)
})
