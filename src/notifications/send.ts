import type { Contact } from './contacts.js'
import type { Notice } from './notice.js'

/** One message on its way to one contact. */
interface Letter {
  /** Of the notification: the same at every attempt, so that a receiver who heeds it is told once. */
  readonly id: string
  readonly contact: Contact
  /** What a webhook is signed with, or the token for ntfy. */
  readonly secret: string | null
  readonly notice: Notice
}

/** Settles when the other side has taken the message. @throws SendFault when it has not */
export type Send = (letter: Letter, signal: AbortSignal) => Promise<void>

/** Why a message was not taken, in words without secrets. */
export class SendFault extends Error {
  /** Whether it would be the same at every further attempt. */
  readonly permanent: boolean
  /** When the other side wants to be asked again, in milliseconds from now; null when it does not say. */
  readonly retry_after_ms: number | null

  constructor(message: string, { permanent = false, retry_after_ms = null }: Partial<SendFault> = {}) {
    super(message)
    this.name = 'SendFault'
    this.permanent = permanent
    this.retry_after_ms = retry_after_ms
  }
}
