import {
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  PutObjectCommand,
  paginateListObjectsV2,
  S3Client,
} from '@aws-sdk/client-s3'
import { getSignedUrl } from '@aws-sdk/s3-request-presigner'
import { storageUnavailable } from '../store/failure.js'
import type { Objects, SignedRequest, Source, Upload } from './objects.js'

export interface S3Options {
  readonly bucket: string
  readonly region: string
  /** Another server than Amazon's, which then knows buckets by their path. */
  readonly endpoint?: string | undefined
  /** As the SDK finds them by itself, when left out. */
  readonly credentials?: { readonly accessKeyId: string; readonly secretAccessKey: string } | undefined
}

/** Between being asked for and being read by a thread of the hub. */
const sourceMs = 120_000
const timeouts = { connectionTimeout: 5000, requestTimeout: 10_000 }

/** Objects in a bucket of S3, or of a server that speaks like it. */
export class S3Objects implements Objects {
  readonly #client: S3Client
  readonly #bucket: string

  constructor({ bucket, region, endpoint, credentials }: S3Options) {
    this.#bucket = bucket
    this.#client = new S3Client({
      region,
      requestHandler: timeouts,
      // Other servers know none of Amazon's newer checksums, and whoever uploads would have to compute one.
      requestChecksumCalculation: 'WHEN_REQUIRED',
      responseChecksumValidation: 'WHEN_REQUIRED',
      ...(endpoint && { endpoint, forcePathStyle: true }),
      ...(credentials && { credentials }),
    })
  }

  async signPut({ key, content_type, bytes }: Upload, expires_at: number): Promise<SignedRequest> {
    const command = new PutObjectCommand({ ...this.#at(key), ContentType: content_type, ContentLength: bytes })
    const signableHeaders = new Set(['host', 'content-type', 'content-length'])
    const url = await getSignedUrl(this.#client, command, { expiresIn: secondsUntil(expires_at), signableHeaders })
    return { method: 'PUT', url, headers: { 'content-type': content_type }, expires_at }
  }

  async signGet(key: string, content_type: string, expires_at: number): Promise<SignedRequest> {
    const asFile = { ResponseContentType: content_type, ResponseContentDisposition: 'attachment' }
    const command = new GetObjectCommand({ ...this.#at(key), ...asFile })
    const url = await getSignedUrl(this.#client, command, { expiresIn: secondsUntil(expires_at) })
    return { method: 'GET', url, headers: {}, expires_at }
  }

  async size(key: string): Promise<number | null> {
    try {
      const { ContentLength = 0 } = await this.#client.send(new HeadObjectCommand(this.#at(key)))
      return ContentLength
    } catch (error) {
      if (isMissing(error)) return null
      throw unavailable(error)
    }
  }

  async head(key: string, bytes: number): Promise<Buffer> {
    const command = new GetObjectCommand({ ...this.#at(key), Range: `bytes=0-${bytes - 1}` })
    const { Body } = await this.#client.send(command).catch(fail)
    return Buffer.from((await Body?.transformToByteArray()) ?? []).subarray(0, bytes)
  }

  async source(key: string): Promise<Source> {
    return { url: (await this.signGet(key, 'application/octet-stream', Date.now() + sourceMs)).url }
  }

  async delete(key: string, signal?: AbortSignal): Promise<void> {
    await this.#client.send(new DeleteObjectCommand(this.#at(key)), until(signal)).catch(fail)
  }

  async *list(prefix: string, signal?: AbortSignal): AsyncIterable<{ key: string; put_at: number }> {
    const which = { Bucket: this.#bucket, Prefix: prefix }
    const pages = paginateListObjectsV2({ client: this.#client }, which, until(signal))
    for await (const { Contents = [] } of pages)
      for (const { Key: key, LastModified } of Contents)
        if (key !== undefined) yield { key, put_at: LastModified?.getTime() ?? Date.now() }
  }

  #at(key: string) {
    return { Bucket: this.#bucket, Key: key }
  }
}

const until = (signal?: AbortSignal) => (signal ? { abortSignal: signal } : {})
const secondsUntil = (at: number) => Math.max(1, Math.ceil((at - Date.now()) / 1000))
const isMissing = (error: unknown) => error instanceof Error && ['NotFound', 'NoSuchKey'].includes(error.name)
const unavailable = (error: unknown) => storageUnavailable(`S3: ${error instanceof Error ? error.name : String(error)}`)

function fail(error: unknown): never {
  throw unavailable(error)
}
