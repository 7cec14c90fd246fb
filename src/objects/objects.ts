import type { Readable } from 'node:stream'

/** What somebody may upload under a key. */
export interface Upload {
  readonly key: string
  readonly content_type: string
  readonly bytes: number
}

/** A request that whoever holds it may make, without any other credential, until `expires_at` (milliseconds since 1970). */
export interface SignedRequest {
  readonly method: 'PUT' | 'GET'
  /** Absolute; or below the hub's own address, where the hub is the one that answers. */
  readonly url: string
  /** What has to be sent with it. */
  readonly headers: Readonly<Record<string, string>>
  readonly expires_at: number
}

/** Where an object's bytes are to be found: by a thread of this process, or by whoever has the address. */
export type Source = { readonly file: string } | { readonly url: string }

/** Keeps objects, each under a key, whole or not at all. Keys are of the grammar in `keyPattern`. */
export interface Objects {
  signPut(upload: Upload, expires_at: number): Promise<SignedRequest>
  signGet(key: string, content_type: string, expires_at: number): Promise<SignedRequest>
  /** @returns its size in bytes, or null when there is none */
  size(key: string): Promise<number | null>
  /** The first bytes of an object that is there. */
  head(key: string, bytes: number): Promise<Buffer>
  source(key: string): Promise<Source>
  /** Deletes what is there. @param signal breaks it off, which then fails */
  delete(key: string, signal?: AbortSignal): Promise<void>
  /** Every key that begins so, with when its object was put there (milliseconds since 1970). @param signal breaks it off, which then fails */
  list(prefix: string, signal?: AbortSignal): AsyncIterable<{ readonly key: string; readonly put_at: number }>
}

/** The objects that lie with the hub itself, which it puts and gives over HTTP. */
export interface OwnObjects extends Objects {
  /**
   * Keeps what comes, when it is exactly as long as it was signed for. Settles when it is on the disk.
   * @throws HubError `invalid_request` when it is shorter or longer; `storage_unavailable` when it cannot be kept
   */
  put(upload: Upload, pieces: AsyncIterable<Buffer>): Promise<void>
  /** @returns the object with its size; null when there is none */
  open(key: string): Promise<{ readonly stream: Readable; readonly bytes: number } | null>
  /** @throws HubError `forbidden` when it is not signed so, or no more */
  verify(request: { readonly method: string; readonly key: string; readonly query: SignedQuery }, now: number): void
}

/** What stands in the address of a signed request. */
export interface SignedQuery {
  readonly expires: number
  readonly type: string
  readonly bytes: number
  readonly kid: string
  readonly signature: string
}

/** Two levels: a folder and a name. Nothing in it means anything to a file system. */
export const keyPattern = /^[a-z0-9_-]{1,64}\/[a-z0-9_-]{1,64}$/
/** Where the hub gives its own objects. */
export const ownPath = '/api/v1/objects/'
