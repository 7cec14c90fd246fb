/** Work that somebody has taken. It is theirs until its time is over; then it may be taken again. */
export interface Taken {
  /** What it is about: the id that it was put under. */
  readonly id: string
  /** Proves that it was taken. */
  readonly receipt: string
  /** 1 when it was never taken before. */
  readonly attempt: number
}

export interface Take {
  /** Who takes it, for a queue that can take back what somebody had who is gone. */
  readonly by: 'hub' | 'outside'
  /** How long it is theirs, in milliseconds. */
  readonly ms: number
  /** How long to wait for work when there is none, in milliseconds. */
  readonly wait_ms: number
  /** Nobody waits any longer when it is aborted. */
  readonly signal: AbortSignal
}

export interface QueueCounts {
  /** Waiting, or at work on. */
  readonly open: number
  /** Given up. */
  readonly dead: number
}

/**
 * Work to be done at least once, in no particular order. What is done with a receipt of which the time is over has no effect in the store; SQS may
 * take it for that of whoever has the work now. So what came of work is stored elsewhere, once, before it is told here.
 */
export interface Queue {
  /** Settles when it is stored. Put again while it is there it may be one or two; what was buried begins anew. @param signal breaks it off, which then fails */
  put(id: string, signal?: AbortSignal): Promise<void>
  /** @returns what is to be done, or null when nothing has come */
  take(take: Take): Promise<Taken | null>
  /** It is done. */
  done(taken: Pick<Taken, 'id' | 'receipt'>): Promise<void>
  /** It is to be tried again, not before `ms` milliseconds are over. */
  retry(taken: Pick<Taken, 'id' | 'receipt'>, ms: number): Promise<void>
  /** It is not to be tried again, and kept where people find it, with the reason. */
  bury(taken: Pick<Taken, 'id' | 'receipt'>, reason: string): Promise<void>
  counts(): Promise<QueueCounts>
}
