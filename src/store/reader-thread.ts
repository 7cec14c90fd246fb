import { parentPort, workerData } from 'node:worker_threads'
import { stepBack } from '../priority.js'
import { failureOf } from './failure.js'
import { openForReading } from './sqlite.js'
import { type Query, Statements } from './statements.js'

stepBack()

const { file } = workerData as { file: string }
const db = openForReading(file)
const statements = new Statements(db)

parentPort?.on('message', (request: Query | 'close') => {
  if (request === 'close') {
    db.close()
    parentPort?.close()
    return
  }
  try {
    parentPort?.postMessage({ value: statements.run(request) })
  } catch (error) {
    parentPort?.postMessage({ failure: failureOf(error) })
  }
})
parentPort?.postMessage({ ready: true })
