/** Why a recording cannot be listened to, which no further attempt would change. */
export const badRecordings = ['unsupported', 'damaged', 'too_long', 'empty', 'checksum_mismatch', 'missing'] as const

/** Why the work at it was given up: it took too long or its thread died, each time. */
export const lostWork = 'gave_up'

/** The recording itself is at fault. */
export class BadRecording extends Error {
  readonly code: (typeof badRecordings)[number]

  constructor(code: (typeof badRecordings)[number], message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.code = code
  }
}
