/** The closed list of things that can go wrong, and the HTTP status each is told with. Server and client share this table. */
export const statuses = {
  invalid_request: 400,
  invalid_payload: 400,
  unauthorized: 401,
  forbidden: 403,
  not_found: 404,
  method_not_allowed: 405,
  conflict: 409,
  precondition_failed: 412,
  payload_too_large: 413,
  unsupported_media_type: 415,
  rate_limit_exceeded: 429,
  internal: 500,
  storage_unavailable: 503,
  query_timeout: 503,
  shutting_down: 503,
} as const

export type ErrorCode = keyof typeof statuses

/** An error that may be shown to whoever caused it. Anything else that is thrown is told as `internal` and logged whole. */
export class HubError extends Error {
  readonly code: ErrorCode
  /** One line per fault, e.g. `body/name: must not be empty`. */
  readonly details: readonly string[]

  constructor(code: ErrorCode, message: string, details: readonly string[] = [], cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.name = 'HubError'
    this.code = code
    this.details = details
  }

  get status(): number {
    return statuses[this.code]
  }
}

export const notFound = (what: string) => new HubError('not_found', `No such ${what}.`)
