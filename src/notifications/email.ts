import type { Transporter } from 'nodemailer'
import { wordsOf } from './notice.js'
import { type Send, SendFault, within } from './send.js'

interface Smtp {
  readonly url: string
  /** An address, perhaps with a name: `Hearth <hub@example.org>`. */
  readonly from: string
}

const limitMs = 10_000

/** Sends by SMTP. The Message-ID is the notification's, so that a mail that is sent again is the same mail. */
export function emailSender(smtp: Smtp | null): Send {
  let transport: Promise<Transporter> | null = null
  return async ({ id, contact: { address }, notice }, signal) => {
    if (smtp === null) throw new SendFault('HEARTH_SMTP_URL is not set', { permanent: true })
    if (address === null) throw new SendFault('the contact is incomplete', { permanent: true })
    transport ??= openTransport(smtp.url)
    const { title, text } = wordsOf(notice)
    const opened = await transport
    const sent = opened.sendMail({
      from: smtp.from,
      to: { name: '', address },
      subject: title,
      text,
      date: new Date(notice.timestamp),
      messageId: `<${id}@${domainOf(smtp.from)}>`,
      headers: { 'Auto-Submitted': 'auto-generated', 'X-Hearth-Notification': id },
    })
    await within(
      signal,
      sent.catch((error: unknown) => {
        throw asFault(error)
      }),
    )
  }
}

/** Loaded when the first mail is to be sent. */
async function openTransport(url: string): Promise<Transporter> {
  const { createTransport } = await import('nodemailer')
  return createTransport({
    url,
    connectionTimeout: limitMs,
    greetingTimeout: limitMs,
    socketTimeout: limitMs,
    dnsTimeout: limitMs,
    disableFileAccess: true,
    disableUrlAccess: true,
  })
}

const domainOf = (from: string) => /@([A-Za-z0-9.-]+)/.exec(from)?.[1] ?? 'hearth.invalid'

/** What a server says of an address, or of a mail, for good: not what it says of our password. */
const about: readonly unknown[] = ['EENVELOPE', 'EMESSAGE']

function asFault(error: unknown): SendFault {
  const { code, responseCode = 0 } = error as { code?: string; responseCode?: number }
  const permanent = responseCode >= 500 && about.includes(code)
  return new SendFault(`the mail was not taken: ${responseCode || code || 'no answer'}`, { permanent })
}
