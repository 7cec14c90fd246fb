import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { link, mkdir, readFile, unlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { newId } from '../ids.js'

const keyBytes = 32
const nonceBytes = 12
const tagBytes = 16

/**
 * Seals the secrets that the hub has to show to others: what webhooks are signed with, tokens for ntfy. The key lies beside the database
 * and not in it, so that a copy of the database tells nobody's secret.
 */
export class Seal {
  readonly #key: Buffer

  constructor(key: Buffer) {
    this.#key = key
  }

  seal(text: string): string {
    const nonce = randomBytes(nonceBytes)
    const cipher = createCipheriv('aes-256-gcm', this.#key, nonce)
    const sealed = [nonce, cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()]
    return Buffer.concat(sealed).toString('base64url')
  }

  /** @throws Error when it was sealed with another key, or changed */
  open(sealed: string): string {
    const bytes = Buffer.from(sealed, 'base64url')
    const decipher = createDecipheriv('aes-256-gcm', this.#key, bytes.subarray(0, nonceBytes))
    decipher.setAuthTag(bytes.subarray(-tagBytes))
    return decipher.update(bytes.subarray(nonceBytes, -tagBytes), undefined, 'utf8') + decipher.final('utf8')
  }
}

/** Reads the key from the data directory, or makes it there, readable by its owner alone. */
export async function openSeal(data_dir: string): Promise<Seal> {
  const path = join(data_dir, 'contacts.key')
  const read = () => readFile(path)
  const known = await read().catch(async error => {
    if (error.code !== 'ENOENT') throw error
    await makeKey(data_dir, path)
    return read()
  })
  if (known.length !== keyBytes) throw new Error(`${path} is damaged: put it back from a backup`)
  return new Seal(known)
}

/** Written whole beside its place and then linked there: a crash leaves no half a key, and of two makers the first wins. */
async function makeKey(data_dir: string, path: string): Promise<void> {
  await mkdir(data_dir, { recursive: true, mode: 0o700 })
  const draft = `${path}.${newId()}`
  await writeFile(draft, randomBytes(keyBytes), { mode: 0o600, flush: true })
  await link(draft, path).catch(error => {
    if (error.code !== 'EEXIST') throw error
  })
  await unlink(draft)
}
