import { existsSync, readlinkSync } from 'node:fs'
import { constants, setPriority } from 'node:os'
import { basename } from 'node:path'
import { parentPort, workerData } from 'node:worker_threads'
import { failureOf } from './failure.js'
import { openForReading } from './sqlite.js'
import { type Query, Statements } from './statements.js'

// What the broker and the writer do goes before queries. On Linux a thread has a priority of its own (setpriority(2), "C library/kernel differences").
const self = '/proc/thread-self'
if (existsSync(self)) setPriority(Number(basename(readlinkSync(self))), constants.priority.PRIORITY_BELOW_NORMAL)

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
