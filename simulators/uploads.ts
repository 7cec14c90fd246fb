import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import type { Clip } from './model.js'

export interface UploadsOptions {
  /** Where the hub's API is, e.g. `http://127.0.0.1:8080`. */
  readonly http_url: string
  readonly api_key: string | undefined
  /** A line for the device's log: a recording was given up. */
  readonly log: (message: string) => void
}

const announced = z.object({
  recording: z.object({ id: z.string() }),
  upload: z.object({ method: z.string(), url: z.string(), headers: z.record(z.string(), z.string()) }),
})

/** Clips waiting for the one that is being uploaded; the oldest is lost first. */
const maxWaiting = 4
const attempts = 3
/** Before the second attempt; doubled before the next. */
const pauseMs = 1000
/** For each request. */
const patienceMs = 30_000

/** A device's recordings on their way to the hub, one after the other: announced, uploaded to where the hub says, confirmed. */
export class Uploads {
  readonly #options: UploadsOptions
  readonly #stopped = new AbortController()
  readonly #waiting: Clip[] = []
  #running: Promise<void> | null = null

  constructor(options: UploadsOptions) {
    this.#options = options
  }

  offer(clip: Clip): void {
    if (this.#stopped.signal.aborted) return
    this.#waiting.push(clip)
    if (this.#waiting.length > maxWaiting) this.#waiting.shift()
    this.#running ??= this.#run()
  }

  /** Gives up what is under way. Settles when nothing is. */
  async stop(): Promise<void> {
    this.#stopped.abort()
    this.#waiting.length = 0
    await this.#running
  }

  async #run(): Promise<void> {
    for (let clip = this.#waiting.shift(); clip !== undefined; clip = this.#waiting.shift()) await this.#tryAll(clip)
    this.#running = null
  }

  async #tryAll(clip: Clip): Promise<void> {
    const sound = clip.make()
    for (let attempt = 1; attempt <= attempts; attempt++) {
      try {
        await this.#upload(clip, sound)
        return
      } catch (error) {
        if (this.#stopped.signal.aborted) return
        if (attempt === attempts) this.#options.log(`a recording was given up: ${String(error)}`)
        else
          await sleep(pauseMs * 2 ** (attempt - 1), undefined, { signal: this.#stopped.signal }).catch(() => undefined)
      }
    }
  }

  async #upload({ content_type, recorded_at }: Clip, sound: Buffer): Promise<void> {
    const wanted = { content_type, bytes: sound.length, recorded_at }
    const { recording, upload } = announced.parse(await this.#post('/ingest', wanted))
    const { method, url, headers } = upload
    await this.#ask(url, { method, headers, body: sound })
    await this.#post('/ingest/confirm', { id: recording.id })
  }

  async #post(path: string, body: object): Promise<unknown> {
    const { http_url, api_key } = this.#options
    const headers = { 'content-type': 'application/json', ...(api_key === undefined ? {} : { 'x-api-key': api_key }) }
    const answer = await this.#ask(`${http_url}/api/v1${path}`, { method: 'POST', headers, body: JSON.stringify(body) })
    return answer.json()
  }

  /** @throws Error when it is not answered, or with anything but success */
  async #ask(url: string, request: RequestInit): Promise<Response> {
    const signal = AbortSignal.any([this.#stopped.signal, AbortSignal.timeout(patienceMs)])
    const answer = await fetch(url, { ...request, signal })
    if (!answer.ok) throw new Error(`answered with ${answer.status}`)
    return answer
  }
}
