import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads'
import { type OpenAppendWriter, unpackItems } from './append.js'
import { type Failure, failureOf } from './failure.js'
import { giveBack } from './give-back.js'
import { openForWriting, type Sync } from './sqlite.js'
import { type Query, type QueryOutcome, Statements } from './statements.js'
import type { Reply } from './thread.js'
import type { Attend, Batch, BatchOutcome, Several, WriterAnswer, WriterRequest } from './writer.js'

const { file, sync, append_module, attend } = workerData as Attend & { file: string; sync: Sync; append_module: string }
const db = openForWriting(file, sync)
const statements = new Statements(db)
const { openAppendWriter } = (await import(append_module)) as { openAppendWriter: OpenAppendWriter }
const appendWriter = openAppendWriter(db)
appendWriter.attend(attend)
const begin = db.prepare('begin immediate')
const commit = db.prepare('commit')
const savepoint = db.prepare('savepoint several')
const rollbackTo = db.prepare('rollback to several')
const release = db.prepare('release several')

/** After so long no further batch is taken into a commit: those who wait for the first one hear of it. */
const gatheredMs = 100

/** Group commit: what has arrived in one transaction. @returns the outcomes of the first batches, at least of one */
function commitSome(batches: readonly Batch[]): readonly BatchOutcome[] {
  const until = performance.now() + gatheredMs
  const outcomes: BatchOutcome[] = []
  begin.run()
  for (const batch of batches) {
    outcomes.push(runBatch(batch))
    if (performance.now() > until) break
  }
  appendWriter.beforeCommit()
  commit.run()
  return outcomes
}

/** A statement that fails takes nothing else with it. */
function runBatch(batch: Batch): BatchOutcome {
  const outcomes = batch.asked.map(asked => {
    try {
      return 'statements' in asked ? runAll(asked) : statements.run(asked)
    } catch (error) {
      // SQLite has undone the statement alone, unless the fault was so grave that it ended the transaction.
      if (!db.inTransaction) throw error
      return failureOf(error)
    }
  })
  const refused: [number, string][] = []
  if (batch.items) {
    let index = 0
    for (const item of unpackItems(batch.items)) {
      const why = appendWriter.append(item)
      if (why !== null) refused.push([index, why])
      index++
    }
  }
  return { outcomes, refused, told: batch.items && appendWriter.takeTold() }
}

/** All of the statements, or none. */
function runAll(several: Several): readonly QueryOutcome[] {
  savepoint.run()
  try {
    return several.statements.map(query => statements.run(query))
  } catch (error) {
    if (db.inTransaction) rollbackTo.run()
    throw error
  } finally {
    if (db.inTransaction) release.run()
  }
}

/** What belongs to a transaction that did not begin, or that a fault has ended, must not be committed by itself. */
function runStatement(query: Query): QueryOutcome | Failure {
  try {
    if (query.place === 'first') begin.run()
    else if (query.place === 'later' && !db.inTransaction) return query.sql === 'rollback' ? nothing : ended
    return statements.run(query)
  } catch (error) {
    if (query.sql === 'commit') rollback()
    return failureOf(error)
  }
}

const nothing: QueryOutcome = { columns: [], values: [], changes: 0, lastInsertRowid: 0 }
const ended: Failure = { code: 'ERROR', message: 'the transaction has ended' }

/** A commit that failed may have left its transaction open, and the next one could not begin. */
function rollback(): void {
  if (db.inTransaction) db.exec('rollback')
  appendWriter.rolledBack()
}

/** Pauses between what can wait: while there is more, and while there is none. */
const pauseMs = { more: 20, none: 1000 }

function work(): void {
  let more = false
  try {
    more = !db.inTransaction && (appendWriter.work() || giveBack(db))
  } catch (error) {
    say({ warning: failureOf(error) })
    rollback()
  }
  working = setTimeout(work, more ? pauseMs.more : pauseMs.none)
}
let working = setTimeout(work, pauseMs.none)

const say = (reply: Reply<WriterAnswer>, transfer: ArrayBuffer[] = []) => parentPort?.postMessage(reply, transfer)

function answerBatches(batches: readonly Batch[]): void {
  let rest = batches
  try {
    while (rest.length > 0) {
      const values = commitSome(rest)
      say(
        { values },
        values.flatMap(({ told }) => told?.numbers.buffer ?? []),
      )
      rest = rest.slice(values.length)
    }
  } catch (error) {
    const failure = failureOf(error)
    rollback()
    for (const _batch of rest) say({ failure })
  }
}

function answer(request: Several | Query | Attend): void {
  try {
    say({ value: answerTo(request) })
  } catch (error) {
    say({ failure: failureOf(error) })
  }
}

function answerTo(request: Several | Query | Attend): WriterAnswer {
  if ('statements' in request) return request.statements.map(runStatement)
  if (!('attend' in request)) return statements.run(request)
  appendWriter.attend(request.attend)
  return nothing
}

function close(): void {
  clearTimeout(working)
  db.close()
  parentPort?.close()
}

/** The batches that have arrived by now are committed together; what is no batch has its turn behind those before it. */
parentPort?.on('message', (first: WriterRequest | 'close') => {
  let batches: Batch[] = []
  let request: WriterRequest | 'close' | undefined = first
  while (request !== undefined) {
    if (request !== 'close' && 'asked' in request) batches.push(request)
    else {
      answerBatches(batches)
      batches = []
      if (request === 'close') return close()
      answer(request)
    }
    request = parentPort ? receiveMessageOnPort(parentPort)?.message : undefined
  }
  answerBatches(batches)
})
say({ ready: true })
