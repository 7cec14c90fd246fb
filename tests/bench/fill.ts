import { smoothNoise, uniformAt } from '../../simulators/random.js'
import type { AppendItem } from '../../src/store/append.js'
import { giveBack } from '../../src/store/give-back.js'
import { openForWriting } from '../../src/store/sqlite.js'
import { openAppendWriter } from '../../src/telemetry/append.js'
import { databaseIn } from './devices.js'

const hour = 3_600_000
export const day = 24 * hour

export const valuesInSample = 3

/** A room's sensor at a time, its noise included: hundredths of °C, tenths of %, whole % of a battery that lasts for two years. */
function dataAt(device: number, ts: number): string {
  const noise = uniformAt(device, ts / 1000) - 0.5
  const daily = Math.cos((2 * Math.PI * (ts - 15 * hour)) / day)
  const temperature = Math.round((21 + 2 * daily + 2 * smoothNoise(device, ts / (9 * hour)) + 0.08 * noise) * 100) / 100
  const humidity = Math.round((48 - 4 * daily + 8 * smoothNoise(device + 1, ts / (7 * hour)) + 0.4 * noise) * 10) / 10
  const battery = 100 - (Math.floor(ts / (7 * day)) % 100)
  return `{"temperature":${temperature},"humidity":${humidity},"battery":${battery}}`
}

export const sampleAt = (device: number, ts: number) => `{"ts":${ts},"data":${dataAt(device, ts)}}`

/** A message with a time of its own, received when it was sent. */
export const messageOf = (device_num: number, received_at: number, payload: string): AppendItem => ({
  device_num,
  received_at,
  message_id: null,
  dup: false,
  payload: Buffer.from(payload),
})

/**
 * Writes messages through the hub's own append, without the hub and without waiting for the disk. Afterwards the file holds all of it, rolled up,
 * and there is no log beside it. @returns how many messages there were
 */
export function fill(data_dir: string, messages: Iterable<AppendItem>, perCommit: number): number {
  const db = openForWriting(databaseIn(data_dir), 'normal')
  db.pragma('synchronous = off')
  const writer = openAppendWriter(db)
  const commit = () => {
    writer.beforeCommit()
    db.exec('commit')
  }
  let written = 0
  for (const message of messages) {
    if (!db.inTransaction) db.exec('begin immediate')
    const refused = writer.append(message)
    if (refused !== null) throw new Error(`a message of the benchmark was refused: ${refused}`)
    if (++written % perCommit === 0) commit()
  }
  if (db.inTransaction) commit()
  while (writer.work()) {
    // Until all hours that are over are rolled up
  }
  db.pragma('wal_checkpoint(truncate)')
  db.close()
  return written
}

/** Packs what is rolled up, and older than a time, as the hub does a day later, and gives back what becomes free. */
export function pack(data_dir: string, until = Date.now()): void {
  const db = openForWriting(databaseIn(data_dir), 'normal')
  db.pragma('synchronous = off')
  db.prepare('update telemetry_hours set pack_at = iif(start < ?, 0, null)').run(until)
  const writer = openAppendWriter(db)
  while (writer.work() || giveBack(db)) {
    // Until nothing more waits
  }
  db.pragma('wal_checkpoint(truncate)')
  db.close()
}
