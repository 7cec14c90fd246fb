import { createHmac } from 'node:crypto'
import { checkTaken, type Outbound } from './outbound.js'
import { type Send, SendFault } from './send.js'

const prefix = 'whsec_'

/** `webhook-signature` of Standard Webhooks: HMAC-SHA256 over id, time in seconds, and body. */
function signatureOf(secret: string, id: string, seconds: number, body: string): string {
  const key = Buffer.from(secret.slice(prefix.length), 'base64')
  return `v1,${createHmac('sha256', key).update(`${id}.${seconds}.${body}`).digest('base64')}`
}

/** POSTs the notice as JSON, signed. A receiver knows one that comes again by its `webhook-id`. */
export const webhookSender =
  (outbound: Outbound): Send =>
  async ({ id, contact, secret, notice }, signal) => {
    if (contact.url === null || secret === null) throw new SendFault('the contact is incomplete', { permanent: true })
    const body = JSON.stringify(notice)
    const seconds = Math.floor(Date.now() / 1000)
    const headers = {
      'content-type': 'application/json',
      'user-agent': 'Hearth',
      'webhook-id': id,
      'webhook-timestamp': String(seconds),
      'webhook-signature': signatureOf(secret, id, seconds, body),
    }
    checkTaken(await outbound.post(contact.url, headers, body, signal))
  }
