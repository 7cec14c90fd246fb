import { Readable } from 'node:stream'
import { announce } from '../../src/audio/intake.js'
import { keyOf, queueRecording, type Recording, settleRecording } from '../../src/audio/rows.js'
import { createDevice } from '../../src/devices/devices.js'
import { newId } from '../../src/ids.js'
import { wav } from '../audio/sound.js'
import type { Started } from './harness.js'
import type { Asked } from './rights-things.js'

/** Recordings made anew for each question, in the home `mine`. */
export function audioThingsOf(hub: () => Started) {
  const sound = wav({ seconds: 0.1 })
  const path = ({ url }: { readonly url: string }) => {
    const { pathname, search } = new URL(url, hub().url)
    const [folder = '', name = ''] = pathname.split('/').slice(-2)
    return { path: { folder, name }, query: search }
  }
  async function announced() {
    const { store, audio } = hub()
    const device_id = newId()
    await createDevice(store.db, { id: device_id, name: device_id, type: 'x', home_id: 'mine' })
    const wanted = { device_id, home_id: 'mine', content_type: 'audio/wav', bytes: sound.length, sha256: null }
    return announce(store.db, audio.objects, { ...wanted, recorded_at: Date.now() })
  }
  async function uploaded(): Promise<Recording> {
    const { recording } = await announced()
    const upload = { key: keyOf(recording), ...recording }
    await hub().audio.own_objects?.put(upload, Readable.from([sound]))
    return recording
  }
  const onRecording = async (): Promise<Asked> => ({ path: { id: (await announced()).recording.id } })
  const toConfirm = async (): Promise<Asked> => ({ body: { id: (await uploaded()).id } })
  const toAnnounce = async (): Promise<Asked> => {
    const { recording } = await announced()
    return { body: { device_id: recording.device_id, content_type: 'audio/wav', bytes: 1000 } }
  }
  const toRetry = async (): Promise<Asked> => {
    const { id } = await uploaded()
    await queueRecording(hub().store.db, id)
    await settleRecording(hub().store.db, id, 1, { error: { code: 'x', message: 'x' } })
    return { path: { id } }
  }
  const toUpload = async (): Promise<Asked> => ({
    ...path((await announced()).upload),
    raw: sound,
    headers: { 'content-type': 'audio/wav' },
  })
  const toFetch = async (): Promise<Asked> => {
    const key = keyOf(await uploaded())
    return path(await hub().audio.objects.signGet(key, 'audio/wav', Date.now() + 60_000))
  }
  const asWorker = (more: object) => async (): Promise<Asked> => ({
    body: { recording_id: (await uploaded()).id, receipt: 'none', attempt: 1, ...more },
  })
  return { onRecording, toConfirm, toAnnounce, toRetry, toUpload, toFetch, asWorker }
}
