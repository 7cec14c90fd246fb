import { once } from 'node:events'
import { mkdir, open, readdir, rename, rm, stat, statfs } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Readable } from 'node:stream'
import { HubError } from '../errors.js'
import { newId } from '../ids.js'
import {
  keyPattern,
  type OwnObjects,
  ownPath,
  type SignedQuery,
  type SignedRequest,
  type Source,
  type Upload,
} from './objects.js'
import { type Keys, sign, verify } from './signature.js'

interface DiskOptions {
  /** The folder, made when it is not there. */
  readonly folder: string
  readonly keys: Keys
  /** What must stay free on the disk, in bytes. */
  readonly reserve: number
}

/** Where what is on its way lies until it is whole. No key begins with a dot. */
const drafts = '.drafts'
const pieceBytes = 1 << 16

/** Objects as files, which the hub puts and gives itself (`src/api/objects.ts`). */
export async function openDisk({ folder, keys, reserve }: DiskOptions): Promise<DiskObjects> {
  // What lies there was left by a hub that died.
  await rm(join(folder, drafts), { recursive: true, force: true })
  await mkdir(join(folder, drafts), { recursive: true, mode: 0o700 })
  return new DiskObjects(folder, keys, reserve)
}

/** What is on its way. */
interface Coming {
  /** How much of it is still to come, in bytes. */
  left: number
  /** When the same begins to come once more. */
  readonly replaced: AbortController
}

class DiskObjects implements OwnObjects {
  readonly #folder: string
  readonly #keys: Keys
  readonly #reserve: number
  /** By key: of each there is one on its way at most. */
  readonly #coming = new Map<string, Coming>()

  constructor(folder: string, keys: Keys, reserve: number) {
    this.#folder = folder
    this.#keys = keys
    this.#reserve = reserve
  }

  async signPut({ key, content_type, bytes }: Upload, expires_at: number): Promise<SignedRequest> {
    const url = this.#address('PUT', key, expires_at, content_type, bytes)
    return { method: 'PUT', url, headers: { 'content-type': content_type }, expires_at }
  }

  async signGet(key: string, content_type: string, expires_at: number): Promise<SignedRequest> {
    return { method: 'GET', url: this.#address('GET', key, expires_at, content_type, 0), headers: {}, expires_at }
  }

  #address(method: string, key: string, expires: number, type: string, bytes: number): string {
    return `${ownPath}${checked(key)}?${sign(this.#keys, { method, key, expires, type, bytes })}`
  }

  verify({ method, key, query }: { method: string; key: string; query: SignedQuery }, now: number): void {
    verify(this.#keys, { method, key, ...query }, now)
  }

  async put({ key, bytes }: Upload, pieces: AsyncIterable<Buffer>): Promise<void> {
    const path = this.#path(key)
    const draft = join(this.#folder, drafts, newId())
    // Whoever sends it again has lost the connection on which it came before.
    this.#coming.get(key)?.replaced.abort()
    const coming = { left: bytes, replaced: new AbortController() }
    this.#coming.set(key, coming)
    try {
      await this.#refuseFull()
      await writeWhole(draft, coming, pieces)
      await place(draft, path)
    } catch (error) {
      throw storageFault(error)
    } finally {
      if (this.#coming.get(key) === coming) this.#coming.delete(key)
      await rm(draft, { force: true })
    }
  }

  /** What the database needs of the disk is not taken from it, also not by all together that is on its way. */
  async #refuseFull(): Promise<void> {
    const { bavail, bsize } = await statfs(this.#folder)
    const left = [...this.#coming.values()].reduce((sum, one) => sum + one.left, 0)
    if (bavail * bsize - left < this.#reserve)
      throw new HubError('storage_unavailable', 'The disk is full: nothing more is taken.')
  }

  async open(key: string): Promise<{ stream: Readable; bytes: number } | null> {
    const file = await openIfThere(this.#path(key))
    if (!file) return null
    const { size: bytes } = await file.stat()
    return { stream: file.createReadStream({ highWaterMark: pieceBytes }), bytes }
  }

  async size(key: string): Promise<number | null> {
    return stat(this.#path(key)).then(({ size }) => size, nullIfMissing)
  }

  async head(key: string, bytes: number): Promise<Buffer> {
    const file = await open(this.#path(key))
    try {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(bytes), 0, bytes, 0)
      return buffer.subarray(0, bytesRead)
    } finally {
      await file.close()
    }
  }

  async source(key: string): Promise<Source> {
    return { file: this.#path(key) }
  }

  async delete(key: string): Promise<void> {
    await rm(this.#path(key), { force: true })
  }

  async *list(prefix: string): AsyncIterable<{ key: string; put_at: number }> {
    for (const folder of await readdir(this.#folder)) {
      if (folder === drafts) continue
      for (const name of await readdir(join(this.#folder, folder))) {
        const key = `${folder}/${name}`
        if (!key.startsWith(prefix)) continue
        const put_at = await stat(join(this.#folder, key)).then(({ mtimeMs }) => mtimeMs, nullIfMissing)
        if (put_at !== null) yield { key, put_at }
      }
    }
  }

  #path(key: string): string {
    return join(this.#folder, checked(key))
  }
}

/** A key is of letters, digits, `_`, `-` and one slash: no way leads out of the folder. */
function checked(key: string): string {
  if (!keyPattern.test(key)) throw new HubError('not_found', 'No such object.')
  return key
}

async function writeWhole(path: string, coming: Coming, pieces: AsyncIterable<Buffer>): Promise<void> {
  const bytes = coming.left
  const file = await open(path, 'wx', 0o600)
  try {
    for await (const piece of whileWanted(pieces, coming.replaced.signal)) {
      if (piece.length > coming.left) throw lengthFault(bytes)
      await file.writeFile(piece)
      coming.left -= piece.length
    }
    if (coming.left > 0) throw lengthFault(bytes)
    await file.sync()
  } finally {
    await file.close()
  }
}

/** The pieces as they come; nobody waits for the next one when the signal is aborted. */
async function* whileWanted(pieces: AsyncIterable<Buffer>, signal: AbortSignal): AsyncGenerator<Buffer> {
  const iterator = pieces[Symbol.asyncIterator]()
  const aborted = signal.aborted ? Promise.resolve() : once(signal, 'abort')
  const replaced = aborted.then(() => {
    throw new HubError('conflict', 'The object comes once more, from its beginning.')
  })
  // It may come when nobody waits any more.
  replaced.catch(() => undefined)
  try {
    for (;;) {
      const { done, value } = await Promise.race([iterator.next(), replaced])
      if (done) return
      yield value
    }
  } finally {
    if (!signal.aborted) await iterator.return?.()
  }
}

const lengthFault = (bytes: number) => new HubError('invalid_request', `The object was to have ${bytes} bytes.`)

/** Whoever is answered finds it there after a power cut too: the folder is written out as well. */
async function place(draft: string, path: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  await rename(draft, path)
  const folder = await open(dirname(path), 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}

const openIfThere = (path: string) => open(path, 'r').catch(nullIfMissing)

function nullIfMissing(error: unknown): null {
  if (codeOf(error) === 'ENOENT') return null
  throw error
}

const codeOf = (error: unknown) => (error instanceof Error && 'code' in error ? error.code : undefined)

/** What the operating system refused (a full disk, a lost permission) is told as such; everything else as it is. */
function storageFault(error: unknown): unknown {
  if (error instanceof HubError || !(error instanceof Error) || !('syscall' in error)) return error
  return new HubError('storage_unavailable', `The object cannot be kept (${String(codeOf(error))}).`, [], error)
}
