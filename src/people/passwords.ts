import { randomBytes } from 'node:crypto'
import { hash, verify } from '@node-rs/argon2'

/** argon2id with 19 MiB, 2 passes, 1 lane: the first choice of OWASP's Password Storage Cheat Sheet. */
const cost = { memoryCost: 19 * 1024, timeCost: 2, parallelism: 1 }

export const hashPassword = (password: string): Promise<string> => hash(password, cost)

export const verifyPassword = (stored: string, password: string): Promise<boolean> => verify(stored, password)

/** A password to be printed once: 120 random bits. */
export const newPassword = () => randomBytes(15).toString('base64url')

const random = (bytes: number) => randomBytes(bytes).toString('base64').replaceAll('=', '')

/** What an unknown user's password is compared with, so that time does not tell who exists. No password has it. */
export const nobodysHash = `$argon2id$v=19$m=${cost.memoryCost},t=${cost.timeCost},p=${cost.parallelism}$${random(16)}$${random(32)}`
