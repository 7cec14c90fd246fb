import { parentPort, workerData } from 'node:worker_threads'
import { failureOf } from './failure.js'
import { openForReading } from './sqlite.js'
import { type Query, Statements } from './statements.js'

const { file } = workerData as { file: string }
const db = openForReading(file)
const statements = new Statements(db)

parentPort?.on('message', ({ id, request }: { id: number; request: Query | 'close' }) => {
  if (request === 'close') {
    db.close()
    parentPort?.close()
    return
  }
  try {
    parentPort?.postMessage({ id, value: statements.run(request) })
  } catch (error) {
    parentPort?.postMessage({ id, failure: failureOf(error) })
  }
})
parentPort?.postMessage({ id: 0, ready: true })
