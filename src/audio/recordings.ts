import type { Logger } from 'pino'
import type { Alerts } from '../alerts/alerts.js'
import { HubError } from '../errors.js'
import type { Objects } from '../objects/objects.js'
import type { Queue, Taken } from '../queue/queue.js'
import type { Db } from '../store/store.js'
import { mountedTopic } from '../topics.js'
import type { Detector } from './detector.js'
import { lostWork } from './faults.js'
import { checkSound } from './intake.js'
import { listModels } from './model-config.js'
import type { Fault, Job, Outcome, Result } from './result.js'
import {
  findRecording,
  keyOf,
  markAlerted,
  markEnqueued,
  queueRecording,
  type Recording,
  requeueRecording,
  settleRecording,
  shown,
} from './rows.js'

export interface AudioContext {
  readonly db: Db
  readonly log: Logger
  readonly objects: Objects
  readonly queue: Queue
  readonly detectors: readonly Detector[]
  readonly alerts: Pick<Alerts, 'raise'>
  /** The longest recording that is listened to. */
  readonly max_seconds: number
  publish(topic: string, payload: string, options?: { qos?: 0 | 1 }): Promise<void>
}

/** How long somebody has for one recording, in milliseconds; then another may take it. */
const leaseMs = 120_000
/** After so many attempts that ended in nothing it is given up. */
const maxAttempts = 5
const backoffMs = 5000

type Take = Omit<Parameters<Queue['take']>[0], 'ms'>

/**
 * Recordings on their way: their rows say what became of them, and the queue only that somebody has to listen. A row is settled once;
 * what is found settled when it is taken again is told again where that was interrupted.
 */
export class Recordings {
  readonly #context: AudioContext
  /** Since the start. */
  readonly outcomes = { done: 0, failed: 0, retried: 0 }
  /** Of sound, and of listening to it. */
  readonly seconds = { sound: 0, work: 0 }

  constructor(context: AudioContext) {
    this.#context = context
  }

  /**
   * Its sound has been uploaded. Asked again it is one job. @returns the recording as it then is
   * @throws HubError `conflict` when its sound is not there, or is not what was announced
   */
  async confirm(recording: Recording): Promise<Recording> {
    if (recording.status !== 'waiting') return recording
    const { db, objects } = this.#context
    await checkSound(objects, recording)
    const queued = await queueRecording(db, recording.id)
    if (!queued) return (await findRecording(db, recording.id)) ?? recording
    await this.enqueue(queued)
    return queued
  }

  /** Has it listened to once more. @throws HubError `conflict` when it has not failed, or its sound is gone */
  async retry(recording: Recording): Promise<Recording> {
    if (recording.deleted_at !== null) throw new HubError('conflict', 'Its sound is not there any more.')
    const queued = await requeueRecording(this.#context.db, recording.id)
    if (!queued) throw new HubError('conflict', `The recording is ${recording.status} and has not failed.`)
    await this.enqueue(queued)
    return queued
  }

  /** Hands it to the queue. A job that looks for what a crash left between does the same. */
  async enqueue(recording: Recording, signal?: AbortSignal): Promise<void> {
    const { db, queue } = this.#context
    await queue.put(recording.id, signal)
    await markEnqueued(db, recording.id)
    this.#tell(recording)
  }

  /** Somebody is there to listen. @returns to what, or null when nothing has come */
  async claim(take: Take): Promise<Job | null> {
    const { db, queue } = this.#context
    const until = Date.now() + take.wait_ms
    for (;;) {
      const taken = await queue.take({ ...take, ms: leaseMs, wait_ms: Math.max(0, until - Date.now()) })
      if (!taken) return null
      const recording = await findRecording(db, taken.id)
      if (recording?.status === 'queued' && taken.attempt <= maxAttempts) return this.#jobOf(recording, taken, take.by)
      if (recording?.status === 'queued')
        await this.#end(taken, { error: { code: lostWork, message: `${maxAttempts} attempts ended in nothing.` } })
      else await this.#endAgain(recording, taken)
    }
  }

  async #jobOf(recording: Recording, { receipt, attempt }: Taken, by: Take['by']): Promise<Job> {
    const { db, objects, detectors, max_seconds } = this.#context
    const { id: recording_id, content_type, bytes, sha256, home_id } = recording
    const models = (await listModels(db, detectors, home_id)).filter(({ enabled }) => enabled)
    return {
      recording_id,
      receipt,
      attempt,
      content_type,
      bytes,
      sha256,
      max_seconds,
      source:
        by === 'hub'
          ? await objects.source(keyOf(recording))
          : await objects.signGet(keyOf(recording), content_type, Date.now() + leaseMs),
      models: models.map(({ model_key: key, thresholds }) => ({ key, thresholds })),
    }
  }

  /** What came of listening. What can go better is tried again, later each time. */
  async finish(
    { recording_id: id, receipt, attempt }: Pick<Job, 'recording_id' | 'receipt' | 'attempt'>,
    outcome: Outcome,
  ) {
    if ('result' in outcome || !outcome.again || attempt >= maxAttempts) {
      await this.#end({ id, receipt, attempt }, outcome)
      return
    }
    this.outcomes.retried++
    await this.#context.queue.retry({ id, receipt }, backoffMs * 2 ** attempt)
  }

  async #end(taken: Taken, end: { result: Result } | { error: Fault }): Promise<void> {
    const { db, queue } = this.#context
    const settled = await settleRecording(
      db,
      taken.id,
      taken.attempt,
      'result' in end ? { result: end.result } : { error: end.error },
    )
    if (settled) await this.#settled(settled)
    // What another has settled meanwhile is not given up.
    if (settled && 'error' in end && end.error.code === lostWork) await queue.bury(taken, end.error.message)
    else await queue.done(taken)
  }

  async #settled(recording: Recording): Promise<void> {
    const { seconds = 0, took_ms = 0 } = (recording.result as Result | null) ?? {}
    this.outcomes[recording.status === 'done' ? 'done' : 'failed']++
    this.seconds.sound += seconds
    this.seconds.work += took_ms / 1000
    await this.#raise(recording)
    this.#tell(recording)
  }

  /** It was settled, and whoever did it died before everybody knew. */
  async #endAgain(recording: Recording | undefined, taken: Taken): Promise<void> {
    if (recording?.status === 'done') {
      await this.#raise(recording)
      this.#tell(recording)
    }
    await this.#context.queue.done(taken)
  }

  /** Each alert is raised once: the commit that holds it says how many there are. */
  async #raise({ id, device_id, result, recorded_at, alerted }: Recording): Promise<void> {
    const { db, detectors, alerts, log } = this.#context
    const heard = ((result as Result | null)?.detections ?? []).filter(({ detected }) => detected)
    if (alerted >= heard.length) return
    const device = await db
      .selectFrom('devices')
      .select(['home_id', 'name'])
      .where('id', '=', device_id)
      .executeTakeFirst()
    if (!device) return
    const models = await listModels(db, detectors, device.home_id)
    for (const [i, { key, score, severity, details }] of heard.entries()) {
      const model = models.find(({ model_key }) => model_key === key)
      if (i < alerted || !model) continue
      const alert = {
        home_id: device.home_id,
        device_id,
        key,
        source: 'detector' as const,
        severity: model.chosen ?? severity ?? model.severity,
        message: `${model.title}: ${device.name}`,
        data: { recording_id: id, score, ...details },
        at: recorded_at,
        actor: `detector/${key}`,
      }
      try {
        await alerts.raise(alert, tx => markAlerted(tx, id, i + 1))
      } catch (error) {
        if (!(error instanceof HubError) || error.code !== 'conflict') throw error
        log.warn({ device_id, key }, 'an alert of a detector was not raised: too many are open')
      }
    }
  }

  #tell(recording: Recording): void {
    const { publish, log } = this.#context
    const { id, home_id, device_id } = recording
    publish(mountedTopic(home_id, device_id, 'recordings'), JSON.stringify({ recording: shown(recording) }), {
      qos: 1,
    }).catch(err => log.warn({ err, recording_id: id }, 'a recording could not be published'))
  }
}
