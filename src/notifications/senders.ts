import type { Config } from '../../config/config.js'
import { emailSender } from './email.js'
import { ntfySender } from './ntfy.js'
import { Outbound } from './outbound.js'
import { webhookSender } from './webhook.js'

/** How each kind of contact is reached. */
export function createSenders({ outbound_allow, smtp_url: url, smtp_from: from }: Config) {
  const outbound = new Outbound(outbound_allow)
  return {
    webhook: webhookSender(outbound),
    email: emailSender(url && from ? { url, from } : null),
    ntfy: ntfySender(outbound),
  }
}
