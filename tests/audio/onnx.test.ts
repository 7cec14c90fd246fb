import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { rate, type Sound, shaped } from '../../simulators/sound/sound.js'
import { describedModels } from '../../src/audio/onnx.js'
import { linearModel, matrix, pitch } from './onnx-model.js'

const runtime: string = 'onnxruntime-node'
const isInstalled = await import(runtime).then(
  () => true,
  () => false,
)
if (!isInstalled) console.log('onnxruntime-node is not installed: what it runs was not tested')

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hearth-models-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

async function load(description: object, model = linearModel(matrix)) {
  await writeFile(join(folder, 'pitch.json'), JSON.stringify(description))
  await writeFile(join(folder, 'pitch.onnx'), model)
  const [detector] = await describedModels(folder)
  if (detector === undefined) throw new Error('there is no model')
  return (sound: Sound, chosen = {}) => detector.detect(sound, rate, detector.thresholds.parse(chosen))
}

const sine = (hz: number) => shaped(2.3, t => 0.2 * Math.sin(2 * Math.PI * hz * t))

describe('a description of a model', () => {
  it('is refused with what is wrong in it', async () => {
    await expect(load({ ...pitch, key: 'No Key' })).rejects.toMatchObject({ code: 'invalid_request' })
    await expect(load({ ...pitch, thresholds: { middle: 0.5 } })).rejects.toThrow('no class middle')
  })

  it('is named when it is no JSON, and so is the setting when there is no such folder', async () => {
    await writeFile(join(folder, 'dog.json'), '{"key": "dog",')
    await expect(describedModels(folder)).rejects.toMatchObject({
      code: 'invalid_request',
      message: expect.stringMatching(/^dog\.json: .*JSON/),
    })
    await expect(describedModels(join(folder, 'none'))).rejects.toMatchObject({
      code: 'invalid_request',
      message: expect.stringContaining('HEARTH_AUDIO_MODELS: ENOENT'),
    })
  })

  it('gives a threshold for each class that is looked for', async () => {
    await load(pitch)
    const [detector] = await describedModels(folder)
    expect(detector?.thresholds.parse({})).toEqual({ high: 0.9 })
    expect(detector?.thresholds.safeParse({ high: 2 }).success).toBe(false)
    expect(await describedModels(folder)).toHaveLength(1)
  })
})

it.skipIf(isInstalled)('says what to install where the runtime is not', async () => {
  const detect = await load(pitch)
  expect(await detect(sine(3000))).toMatchObject({
    detected: false,
    details: { error: expect.stringContaining('npm install') },
  })
})

describe.skipIf(!isInstalled)('a model', () => {
  it('hears its class, as surely as it must', async () => {
    const detect = await load(pitch)
    expect(await detect(sine(3000))).toMatchObject({ detected: true, details: { high: expect.any(Number) } })
    expect((await detect(sine(300))).detected).toBe(false)
    expect((await detect(sine(300), { high: 0 })).detected).toBe(true)
  })

  it('gets bands before frames where it wants them so, and another rate', async () => {
    const turned = { ...pitch, input: { ...pitch.input, shape: [1, 'bands', 'frames'] } }
    const detect = await load(turned, linearModel(matrix, 2))
    expect((await detect(sine(3000))).detected).toBe(true)
    expect((await detect(sine(300))).detected).toBe(false)
    const right = await load({ ...pitch, rate: 8000 })
    expect((await right(sine(3000))).detected).toBe(true)
  })

  it('that has other names, or is none, says so and harms nobody else', async () => {
    const other = await load({ ...pitch, output: { ...pitch.output, name: 'scores' } })
    expect(await other(sine(3000))).toMatchObject({ details: { error: expect.stringContaining('no output scores') } })
    const none = await load(pitch, Buffer.from('no model'))
    expect(await none(sine(3000))).toMatchObject({ detected: false, details: { error: expect.any(String) } })
  })
})
