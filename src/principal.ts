/** Who speaks. The three doors agree on these; the credential alone decides which one a connection or request gets (D5). */
export type Principal = DevicePrincipal | PersonPrincipal

export interface DevicePrincipal {
  readonly kind: 'device'
  readonly id: string
  /** The device's number in the store; telemetry rows carry it instead of the id. */
  readonly num: number
  readonly home_id: string
  /** The API key that was shown, so that revoking it can cut its sockets. */
  readonly key_id: string
  /** When the key ends, in milliseconds since 1970; null for never. */
  readonly expires_at: number | null
}

export interface PersonPrincipal {
  readonly kind: 'person'
  readonly id: string
  readonly role: 'admin' | 'staff' | 'user'
  /** The homes this person belongs to. Administrators and staff read every home. */
  readonly homes: readonly string[]
  /** When the access token ends, in milliseconds since 1970. */
  readonly expires_at: number
}

/** Whether a person may read what happens in this home. */
export const mayReadHome = (person: PersonPrincipal, home_id: string) =>
  person.role !== 'user' || person.homes.includes(home_id)
