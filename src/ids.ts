import { randomInt } from 'node:crypto'
import { monotonicFactory } from 'ulid'

const alphabet = 'abcdefghijklmnopqrstuvwxyz0123456789'

/** A random id of 12 characters (62 bits), as the contract's grammar has them. */
export const newId = () => Array.from({ length: 12 }, () => alphabet[randomInt(alphabet.length)]).join('')

const next = monotonicFactory()

/** An id that sorts by time: a ULID in lower case. Two made by one process in the same millisecond keep their order. */
export const newSortableId = () => next().toLowerCase()
