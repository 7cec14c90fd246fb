import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { link, mkdir, readFile, rename, unlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { newId } from '../ids.js'

const key = z.object({
  kid: z.string(),
  secret: z.base64url(),
  /** Since when it signs nothing more, in milliseconds since 1970; null for the one in use. */
  retired_at: z.int().nullable(),
})
const keyFile = z.object({ keys: z.array(key).min(1) })
type StoredKey = z.infer<typeof key>

/** A retired key is kept until the longest token that it may have signed has ended: the command line's, which lasts a day. */
const keptMs = 25 * 3_600_000

export interface SigningKey {
  readonly kid: string
  readonly secret: Uint8Array
}

const pathIn = (data_dir: string) => join(data_dir, 'signing-keys.json')

/** The keys that sign access tokens: made at the first start, readable by their owner alone, found by `kid`. */
export class SigningKeys {
  readonly #data_dir: string
  #keys: readonly StoredKey[]
  /** One rotation after the other: none may forget the key of another. */
  #rotating: Promise<unknown> = Promise.resolve()

  constructor(data_dir: string, keys: readonly StoredKey[]) {
    this.#data_dir = data_dir
    this.#keys = keys
  }

  get current(): SigningKey {
    const current = this.#keys.find(({ retired_at }) => retired_at === null)
    if (!current) throw new Error('There is no signing key in use.')
    return usable(current)
  }

  /** The key of a token that we may have signed; undefined when it is none of ours. */
  find(kid: string | undefined): SigningKey | undefined {
    const found = this.#keys.find(one => one.kid === kid)
    return found && usable(found)
  }

  /** Makes a new key for all tokens from now on. Those that were signed before are good until they end. @returns its kid */
  rotate(now: number): Promise<string> {
    const rotated = this.#rotating.then(() => this.#rotateOnce(now))
    this.#rotating = rotated.catch(() => undefined)
    return rotated
  }

  async #rotateOnce(now: number): Promise<string> {
    const made = newKey()
    const kept = this.#keys
      .map(one => ({ ...one, retired_at: one.retired_at ?? now }))
      .filter(({ retired_at }) => retired_at > now - keptMs)
    const keys = [made, ...kept]
    const draft = await writeDraft(this.#data_dir, keys)
    await rename(draft, pathIn(this.#data_dir))
    this.#keys = keys
    return made.kid
  }
}

const usable = ({ kid, secret }: StoredKey): SigningKey => ({ kid, secret: Buffer.from(secret, 'base64url') })
const newKey = (): StoredKey => ({ kid: newId(), secret: randomBytes(32).toString('base64url'), retired_at: null })

/** Reads the signing keys from the data directory, or makes the first one there. */
export async function openSigningKeys(data_dir: string): Promise<SigningKeys> {
  const path = pathIn(data_dir)
  await mkdir(data_dir, { recursive: true, mode: 0o700 })
  if (!existsSync(path)) await makeFirst(data_dir)
  const { keys } = keyFile.parse(JSON.parse(await readFile(path, 'utf8')))
  return new SigningKeys(data_dir, keys)
}

/** Written whole beside its place and then linked there: a crash leaves no half a file, and of two makers the first wins. */
async function makeFirst(data_dir: string): Promise<void> {
  const draft = await writeDraft(data_dir, [newKey()])
  await link(draft, pathIn(data_dir)).catch(error => {
    if (error.code !== 'EEXIST') throw error
  })
  await unlink(draft)
}

async function writeDraft(data_dir: string, keys: readonly StoredKey[]): Promise<string> {
  const draft = `${pathIn(data_dir)}.${newId()}`
  await writeFile(draft, `${JSON.stringify({ keys })}\n`, { mode: 0o600, flush: true })
  return draft
}
