import { Command } from 'commander'
import { loadConfig } from '../../config/config.js'
import { Listeners, type Work } from '../audio/listeners.js'
import type { Job } from '../audio/result.js'
import { HearthClient } from '../client/client.js'
import { HubError } from '../errors.js'
import { createLog } from '../log.js'
import { numberIn } from './numbers.js'

interface Options {
  readonly url: string
  readonly token?: string
  readonly threads: number
}

export const workerCommand = () =>
  new Command('worker')
    .description('listen to the recordings of a hub elsewhere, until told to stop')
    .requiredOption('--url <url>', 'where the hub answers, like http://192.168.1.5:8080')
    .option('--token <secret>', 'a service token that may hear and act in every home (HEARTH_WORKER_TOKEN)')
    .option('--threads <n>', 'recordings at a time', numberIn(1, 64), 1)
    .action(listenFor)

/** How long the hub keeps a worker waiting that has nothing to do. */
const waitSeconds = 25

/** Ends on an interrupt; or at once, when the hub cannot be reached or refuses. */
async function listenFor({ url, token, threads }: Options): Promise<void> {
  const { log_level: level, log_file: file, worker_token, audio_models: models } = loadConfig()
  const access_token = token ?? worker_token
  if (!access_token) throw new HubError('invalid_request', 'A worker needs a token: --token, or HEARTH_WORKER_TOKEN.')
  const log = createLog({ level, file })
  const work = await workAt(new HearthClient({ url, access_token })).catch(error => {
    throw explained(error, url)
  })
  const listeners = new Listeners({ threads, work, models, log })
  listeners.start()
  log.info({ url, threads }, 'the worker is listening')
  await new Promise<void>(resolve => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve())
  })
  await listeners.close()
}

/** What a worker needs that it has not, in words of its own. */
function explained(error: unknown, url: string): unknown {
  if (!(error instanceof HubError))
    return new HubError('not_found', `No hub answers at ${url}.`, [causeOf(error)], error)
  if (error.code !== 'forbidden') return error
  const wanted = '{"publish":["homes/#"],"subscribe":["homes/#"],"api":"write"}'
  return new HubError('forbidden', 'The token of a worker has to hear and act in every home.', [wanted], error)
}

/** The runtime says only that it failed, and has the reason below that. */
function causeOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error.cause instanceof Error ? error.cause.message : error.message
}

/** Asks for work once before it begins, so that what is wrong is told at once. */
async function workAt(client: HearthClient): Promise<Work> {
  const ask = async (wait_seconds: number, signal?: AbortSignal) =>
    (await client.post<{ job: Job | null }>('/ingest/jobs/claim', { wait_seconds }, signal)).job
  let first = await ask(0)
  return {
    claim: async signal => {
      const job = first ?? (await ask(waitSeconds, signal))
      first = null
      return job
    },
    finish: async ({ recording_id, receipt, attempt }, outcome) => {
      const taken = { recording_id, receipt, attempt }
      await client.post(`/ingest/jobs/${'result' in outcome ? 'result' : 'failure'}`, { ...taken, ...outcome })
    },
  }
}
