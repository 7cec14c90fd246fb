import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from 'pino'
import { HubError } from '../errors.js'
import { Thread } from '../store/thread.js'
import { lostWork } from './faults.js'
import type { Job, Outcome, Task } from './result.js'

/** Where work comes from, and what came of it goes to: the hub itself, or a hub elsewhere. */
export interface Work {
  /** Waits a while. @returns null when nothing has come */
  claim(signal: AbortSignal): Promise<Job | null>
  finish(job: Job, outcome: Outcome): Promise<void>
}

interface ListenersOptions {
  readonly threads: number
  readonly work: Work
  /** A folder of ONNX classifiers. */
  readonly models?: string | undefined
  readonly log: Logger
  /** Another module than the one that listens, and another time that one recording may take; for tests. */
  readonly url?: URL
  readonly deadlineMs?: number
}

/** How long one recording may take, in milliseconds. Within the time that it is ours (`leaseMs`). */
const standardMs = 60_000
const listenThread = new URL('./listen-thread.js', import.meta.url)
/** Memory of a thread for what is no sound; what is sound is bounded by the seconds of a recording. */
const limits = { maxOldGenerationSizeMb: 256, maxYoungGenerationSizeMb: 32 }
const pauseMs = 2000
/** More recordings that have taken all their time are not remembered. */
const maxSlow = 1000

/**
 * Threads that listen to recordings, each to one at a time. One that hangs, dies or runs out of memory is replaced, and the recording that it
 * had is tried again, unless it has taken all the time that one may take for the second time here.
 */
export class Listeners {
  readonly #options: ListenersOptions
  readonly #closing = new AbortController()
  #loops: Promise<void>[] = []
  /** Whoever has the recordings does not answer. */
  #isAway = false
  /** Recordings that have taken all their time once since the start: being broken off by the hub's end is no fault of theirs. */
  readonly #slow = new Set<string>()

  constructor(options: ListenersOptions) {
    this.#options = options
  }

  start(): void {
    this.#loops = Array.from({ length: this.#options.threads }, () => this.#loop())
  }

  /** What is under way is given back. Settles when no thread is left. */
  async close(): Promise<void> {
    this.#closing.abort()
    await Promise.all(this.#loops)
  }

  async #loop(): Promise<void> {
    const { work, log } = this.#options
    const { signal } = this.#closing
    const pause = () => sleep(pauseMs, undefined, { signal }).catch(() => undefined)
    let thread: Thread<Task, Outcome> | null = null
    const end = () => void thread?.close()
    signal.addEventListener('abort', end)
    while (!signal.aborted) {
      const job = await this.#claim(signal, pause)
      if (!job) continue
      try {
        // Most hubs have no recordings: a thread is made for the first one.
        thread ??= await this.#open()
        // What was told to stop while it opened gives back what it was to hear.
        if (signal.aborted) await thread.close()
        const begun = performance.now()
        const outcome = this.#judged(job, await listenIn(thread, job), performance.now() - begun)
        if ('error' in outcome && outcome.error.code === lostWork) {
          // The next recording is not handed to a thread that is not there any more.
          await thread.close()
          thread = null
        }
        await work.finish(job, outcome)
      } catch (err) {
        if (signal.aborted) break
        log.warn({ err }, 'a recording could not be listened to; it is tried again')
        await pause()
      }
    }
    signal.removeEventListener('abort', end)
    await thread?.close()
  }

  /** @returns null when there is none; also when none can be asked for, which is said once, however long it lasts */
  async #claim(signal: AbortSignal, pause: () => Promise<unknown>): Promise<Job | null> {
    const { work, log } = this.#options
    try {
      const job = await work.claim(signal)
      if (this.#isAway) log.info('recordings can be asked for again')
      this.#isAway = false
      return job
    } catch (err) {
      if (signal.aborted) return null
      if (!this.#isAway) log.warn({ err }, 'recordings cannot be asked for; it is tried until they can')
      this.#isAway = true
      await pause()
      return null
    }
  }

  /** What takes all its time again takes it every time; but not where its sound comes over a network, which may have been what took so long. */
  #judged({ recording_id, source }: Job, outcome: Outcome, ms: number): Outcome {
    const { deadlineMs = standardMs } = this.#options
    const isSlow = 'error' in outcome && outcome.again && ms >= deadlineMs && 'file' in source
    if (!isSlow || this.#closing.signal.aborted) return outcome
    if (this.#slow.delete(recording_id)) return { ...outcome, again: false }
    for (const oldest of this.#slow) if (this.#slow.size >= maxSlow) this.#slow.delete(oldest)
    this.#slow.add(recording_id)
    return outcome
  }

  async #open(): Promise<Thread<Task, Outcome>> {
    const { url = listenThread, deadlineMs = standardMs, models, log } = this.#options
    const thread = new Thread<Task, Outcome>({ url, data: { models }, deadlineMs, limits, log })
    await thread.open()
    return thread
  }
}

/** A thread that was lost is no fault of the hub's: the recording may be what it died of, or was just unlucky. */
async function listenIn(thread: Thread<Task, Outcome>, job: Job): Promise<Outcome> {
  try {
    return await thread.post(job)
  } catch (error) {
    const message = error instanceof HubError ? String(error.cause) : error instanceof Error ? error.message : 'unknown'
    return { error: { code: lostWork, message: `Nobody could listen to it: ${message}` }, again: true }
  }
}
