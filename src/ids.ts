import { randomFillSync, randomInt } from 'node:crypto'
import { monotonicFactory } from 'ulid'

const alphabet = 'abcdefghijklmnopqrstuvwxyz0123456789'

/** A random id of 12 characters (62 bits), as the contract's grammar has them. */
export const newId = () => Array.from({ length: 12 }, () => alphabet[randomInt(alphabet.length)]).join('')

/** Drawn ahead: the system is asked once for two hundred ids, and not sixteen times for each. */
const drawn = new Uint8Array(4096)
let used = drawn.length

function random(): number {
  if (used === drawn.length) {
    randomFillSync(drawn)
    used = 0
  }
  return (drawn[used++] ?? 0) / 256
}

const next = monotonicFactory(random)

/** An id that sorts by time: a ULID in lower case. Two made by one process in the same millisecond keep their order. */
export const newSortableId = () => next().toLowerCase()
