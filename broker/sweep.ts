import type { Connection } from './connection.js'
import { Refusal } from './contract.js'
import { failInflight, receiveDeadline } from './inflight.js'
import { bytesTaken } from './internals.js'

const connectDeadline = 5000
const answerDeadline = 5000
const refusedDeadline = 1000
const stallDeadline = 5000

/** What the sweep does about a connection beyond closing it. */
export interface SweepHost {
  /** The steady clock that all deadlines are kept on, in milliseconds; as of the last sweep. */
  now: number
  readonly all: Iterable<Connection>
  readonly persistence: { sweep(now: number): void }
  refused(conn: Connection, error: unknown): void
}

/** Keeps every deadline of every connection: one timer for all, since a timer for each message would cost too much. */
export function sweep(host: SweepHost): void {
  host.now = performance.now()
  host.persistence.sweep(host.now)
  const date = Date.now()
  for (const conn of host.all) {
    if (conn.reason === null || conn.state === 'refused') checkDeadlines(conn, host, date)
  }
}

function checkDeadlines(conn: Connection, host: SweepHost, date: number): void {
  const age = host.now - conn.since
  if (conn.state === 'new' && age > connectDeadline) conn.end('protocol')
  else if (conn.state === 'authenticating' && age > answerDeadline) host.refused(conn, new Refusal(3, 'timeout'))
  else if (conn.state === 'refused' && age > refusedDeadline) conn.stream.destroy()
  const ends = conn.principal?.expires_at
  if (ends && ends <= date) conn.end('expired')
  if (conn.first && host.now - conn.first.since > receiveDeadline) {
    failInflight(conn, new Error('no answer from storage in time'))
  }
  checkStall(conn, host.now)
}

/** Cuts a socket that takes nothing of what waits for it. */
function checkStall(conn: Connection, now: number): void {
  const unsent = conn.unwritten()
  if (unsent === 0) {
    conn.stalled = 0
    return
  }
  const sent = bytesTaken(conn.peer.socket)
  if (conn.stalled === 0 || sent !== conn.taken) {
    conn.stalled = now
    conn.taken = sent
  } else if (now - conn.stalled > stallDeadline) conn.end('slow')
}
