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

class DiskObjects implements OwnObjects {
  readonly #folder: string
  readonly #keys: Keys
  readonly #reserve: number

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
    try {
      await this.#refuseFull(bytes)
      await writeWhole(draft, bytes, pieces)
      await place(draft, path)
    } catch (error) {
      throw storageFault(error)
    } finally {
      await rm(draft, { force: true })
    }
  }

  /** What the database needs of the disk is not taken from it. */
  async #refuseFull(bytes: number): Promise<void> {
    const { bavail, bsize } = await statfs(this.#folder)
    if (bavail * bsize - bytes < this.#reserve)
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

async function writeWhole(path: string, bytes: number, pieces: AsyncIterable<Buffer>): Promise<void> {
  const file = await open(path, 'wx', 0o600)
  try {
    let written = 0
    for await (const piece of pieces) {
      written += piece.length
      if (written > bytes) throw lengthFault(bytes)
      await file.writeFile(piece)
    }
    if (written < bytes) throw lengthFault(bytes)
    await file.sync()
  } finally {
    await file.close()
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
