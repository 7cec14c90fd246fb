import { parentPort, workerData } from 'node:worker_threads'

/** A thread that does what each request says. It says so when it is ready, unless it was told to fail at once. */
type Deed = 'echo' | 'fail' | 'spin' | 'exit' | 'throw' | 'close'

if (workerData.broken) throw new Error('cannot start')

const deeds: Readonly<Record<Deed, () => void>> = {
  echo: () => parentPort?.postMessage({ value: 'echo' }),
  fail: () => parentPort?.postMessage({ failure: { code: 'SQLITE_FULL', message: 'database or disk is full' } }),
  spin: () => {
    for (;;) Math.random()
  },
  exit: () => process.exit(3),
  throw: () => {
    throw new Error('out of order')
  },
  close: () => parentPort?.close(),
}

parentPort?.on('message', (request: Deed) => deeds[request]())
parentPort?.postMessage({ ready: true })
