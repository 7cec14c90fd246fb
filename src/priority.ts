import { existsSync, readlinkSync } from 'node:fs'
import { constants, setPriority } from 'node:os'
import { basename } from 'node:path'

const self = '/proc/thread-self'

/** The broker and the writer go before this thread. On Linux a thread has a priority of its own (setpriority(2), "C library/kernel differences"). */
export function stepBack(): void {
  if (existsSync(self)) setPriority(Number(basename(readlinkSync(self))), constants.priority.PRIORITY_BELOW_NORMAL)
}
