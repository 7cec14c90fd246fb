import type { Severity } from '../inbound.js'
import { wordsOf } from './notice.js'
import { checkTaken, type Outbound } from './outbound.js'
import { type Send, SendFault } from './send.js'

/** 5 rings through do-not-disturb where the phone lets it, 2 makes no sound. */
const priorities: Readonly<Record<Severity, number>> = { critical: 5, major: 4, minor: 3, warning: 3, info: 2 }
/** Names of emoji, which ntfy shows before the title. */
const tags: Readonly<Record<Severity, string>> = {
  critical: 'rotating_light',
  major: 'rotating_light',
  minor: 'warning',
  warning: 'warning',
  info: 'information_source',
}

/** Longer messages become attachments. In bytes. */
const maxMessage = 4000

/** POSTs to the root of the server, as ntfy wants it of JSON. A message of the same `sequence_id` takes the place of the one before. */
export const ntfySender =
  (outbound: Outbound): Send =>
  async ({ id, contact: { server, topic }, secret, notice }, signal) => {
    if (server === null || topic === null) throw new SendFault('the contact is incomplete', { permanent: true })
    const { title, text, severity } = wordsOf(notice)
    const isOver = notice.type === 'alert.cleared' || notice.type === 'alert.closed'
    const body = JSON.stringify({
      topic,
      title,
      message: Buffer.from(text).subarray(0, maxMessage).toString('utf8'),
      priority: isOver ? 3 : priorities[severity],
      tags: [isOver ? 'white_check_mark' : tags[severity]],
      sequence_id: id,
    })
    const headers = {
      'content-type': 'application/json',
      'user-agent': 'Hearth',
      ...(secret === null ? {} : { authorization: `Bearer ${secret}` }),
    }
    checkTaken(await outbound.post(new URL('/', server).href, headers, body, signal))
  }
