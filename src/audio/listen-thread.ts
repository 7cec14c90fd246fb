import { parentPort, workerData } from 'node:worker_threads'
import { stepBack } from '../priority.js'
import { failureOf } from '../store/failure.js'
import type { Reply } from '../store/thread.js'
import { detectorsWith } from './detectors.js'
import { listen } from './listen.js'
import type { Outcome, Task } from './result.js'

/** A thread that listens to one recording after the other, and answers what it has heard. */

stepBack()

const { models }: { models: string | undefined } = workerData
const detectors = await detectorsWith(models)

const answer = (reply: Reply<Outcome>) => parentPort?.postMessage(reply)

// The decoders say there what they say again in their errors.
console.error = () => undefined

parentPort?.on('message', (task: Task | 'close') => {
  if (task === 'close') parentPort?.close()
  else
    listen(task, detectors).then(
      value => answer({ value }),
      error => answer({ failure: failureOf(error) }),
    )
})
answer({ ready: true })
