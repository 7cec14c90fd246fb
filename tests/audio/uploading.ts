import { type ClientOptions, HearthClient } from '../../src/client/client.js'

interface Announced {
  readonly recording: { readonly id: string }
  readonly upload: { readonly method: string; readonly url: string; readonly headers: Record<string, string> }
}

interface Uploaded {
  readonly id: string
  /** What confirming it answered. */
  readonly confirmed: Record<string, unknown>
}

/** Announces, uploads and confirms a recording as a microphone does. @returns its id, and what was answered last */
export async function upload(asker: ClientOptions, sound: Buffer, more: object = {}): Promise<Uploaded> {
  const client = new HearthClient(asker)
  const wanted = { content_type: 'audio/wav', bytes: sound.length, ...more }
  const { recording, upload } = await client.post<Announced>('/ingest', wanted)
  const { method, url, headers } = upload
  const { ok, status } = await fetch(url, { method, headers, body: sound })
  if (!ok) throw new Error(`The upload was answered with ${status}.`)
  const { recording: confirmed } = await client.post<{ recording: Uploaded['confirmed'] }>('/ingest/confirm', {
    id: recording.id,
  })
  return { id: recording.id, confirmed }
}
