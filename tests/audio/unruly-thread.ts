import { parentPort } from 'node:worker_threads'
import type { Task } from '../../src/audio/result.js'

/** A thread that does with a recording what its type says. */
const deeds: Readonly<Record<string, () => void>> = {
  hang: () => {
    for (;;) Math.random()
  },
  eat: () => {
    const eaten: number[][] = []
    for (;;) eaten.push(Array.from({ length: 100_000 }, Math.random))
  },
  exit: () => process.exit(3),
  throw: () => {
    throw new Error('out of order')
  },
  hear: () =>
    parentPort?.postMessage({
      value: { result: { format: 'wav', rate: 1, channels: 1, seconds: 1, took_ms: 1, detections: [] } },
    }),
  close: () => parentPort?.close(),
}

parentPort?.on('message', (task: Task | 'close') => deeds[task === 'close' ? task : task.content_type]?.())
parentPort?.postMessage({ ready: true })
