import type { Json, Time } from './columns.js'

export const contactKinds = ['webhook', 'email', 'ntfy'] as const
export const notificationEvents = ['raised', 'escalated', 'reminder', 'cleared', 'closed', 'test'] as const
export const notificationStatuses = ['pending', 'sending', 'delivered', 'dead', 'cancelled'] as const
export type NotificationStatus = (typeof notificationStatuses)[number]

export interface NotificationTables {
  contacts: {
    id: string
    home_id: string
    name: string
    kind: (typeof contactKinds)[number]
    /** Of a webhook. */
    url: string | null
    /** Of an e-mail. */
    address: string | null
    /** Of ntfy. */
    server: string | null
    topic: string | null
    /** What a webhook is signed with, or the token for ntfy, sealed with the key in the data directory. */
    sealed: string | null
    status: 'active' | 'inactive'
    created_by: string
    created_at: Time
    updated_at: Time
  }
  /** Of homes that do not have the default. */
  notification_policies: {
    home_id: string
    policy: Json<unknown>
    updated_at: Time
  }
  /** One message to one contact. */
  notifications: {
    id: string
    home_id: string
    /** Null for a test. */
    alert_id: string | null
    /** Null when the contact is deleted. */
    contact_id: string | null
    contact_name: string
    kind: (typeof contactKinds)[number]
    event: (typeof notificationEvents)[number]
    /** Of the alert, and the step of the policy. */
    round: number
    step: number
    /** What is sent: the same at every attempt. */
    data: Json<unknown>
    status: NotificationStatus
    attempts: number
    /** After so many it is dead. */
    max_attempts: number
    /** When it is to be sent; null unless it is pending. */
    next_at: Time | null
    last_error: string | null
    created_at: Time
    settled_at: Time | null
  }
  /** What became of each attempt to send one. */
  notification_attempts: {
    notification_id: string
    attempt: number
    at: Time
    /** How long it took, in milliseconds. */
    ms: number
    /** Null when it was taken. */
    fault: string | null
  }
}
