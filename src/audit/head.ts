import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import { existsSync } from 'node:fs'
import { readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { newId } from '../ids.js'
import type { Db } from '../store/store.js'

const content = z.object({ seq: z.int(), hash: z.string(), at: z.int(), signature: z.string() })
/** The last row of the audit, as it was known outside the table, signed. */
export type Head = z.infer<typeof content>

const pathIn = (data_dir: string) => join(data_dir, 'audit-head.json')
const keyPathIn = (data_dir: string) => join(data_dir, 'audit-key')

async function openKey(data_dir: string): Promise<Buffer> {
  const path = keyPathIn(data_dir)
  if (!existsSync(path)) await writeFile(path, randomBytes(32), { mode: 0o600, flag: 'wx', flush: true })
  return readFile(path)
}

const sign = (key: Buffer, { seq, hash, at }: Omit<Head, 'signature'>) =>
  createHmac('sha256', key).update(`${seq}\n${hash}\n${at}`).digest('hex')

/** Writes down the last row of the audit beside the database. @returns its number; 0 when there is none */
export async function writeHead(db: Db, data_dir: string, written = 0): Promise<number> {
  const last = await db.selectFrom('audit').select(['seq', 'hash']).orderBy('seq', 'desc').limit(1).executeTakeFirst()
  if (!last || last.seq === written) return written
  const head = { ...last, at: Date.now() }
  const draft = `${pathIn(data_dir)}.${newId()}`
  const signature = sign(await openKey(data_dir), head)
  await writeFile(draft, `${JSON.stringify({ ...head, signature })}\n`, { flush: true })
  await rename(draft, pathIn(data_dir))
  return last.seq
}

const everyMs = 1000

/**
 * Keeps the head of the audit up to its rows, so that rows taken off its end are missed: within a second, and once more at the close.
 */
export class AuditHead {
  readonly #db: Db
  readonly #data_dir: string
  readonly #timer: NodeJS.Timeout
  #written = 0
  #writing: Promise<void> = Promise.resolve()

  constructor(db: Db, data_dir: string, failed: (error: unknown) => void) {
    this.#db = db
    this.#data_dir = data_dir
    this.#timer = setInterval(() => void this.write().catch(failed), everyMs)
    this.#timer.unref()
  }

  /** Brings the file up to the last row. */
  write(): Promise<void> {
    const go = async () => {
      this.#written = await writeHead(this.#db, this.#data_dir, this.#written)
    }
    this.#writing = this.#writing.then(go, go)
    return this.#writing
  }

  async close(): Promise<void> {
    clearInterval(this.#timer)
    await this.write()
  }
}

/** The head as it was last written; null when there is none, or when it was not signed with our key. */
export async function readHead(data_dir: string): Promise<Head | null> {
  if (!existsSync(pathIn(data_dir)) || !existsSync(keyPathIn(data_dir))) return null
  const head = content.safeParse(JSON.parse(await readFile(pathIn(data_dir), 'utf8')))
  if (!head.success) return null
  const [given, right] = [Buffer.from(head.data.signature), Buffer.from(sign(await openKey(data_dir), head.data))]
  return given.length === right.length && timingSafeEqual(given, right) ? head.data : null
}
