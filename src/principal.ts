/** Who speaks. The three doors agree on these; the credential alone decides which one a connection or request gets (D5). */
export type Principal = DevicePrincipal | PersonPrincipal | ServicePrincipal | ClaimPrincipal

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

export const homeRoles = ['owner', 'technician', 'member'] as const
export type HomeRole = (typeof homeRoles)[number]

export interface PersonPrincipal {
  readonly kind: 'person'
  readonly id: string
  readonly role: 'admin' | 'staff' | 'user'
  /** The homes this person belongs to, and as what. */
  readonly homes: ReadonlyMap<string, HomeRole>
  /** The login this comes from; null for the command line, which has none. */
  readonly session_id: string | null
  /** When the access token ends, in milliseconds since 1970. */
  readonly expires_at: number
}

/** A program with a service token: Home Assistant, Node-RED, a script. */
export interface ServicePrincipal {
  readonly kind: 'service'
  readonly id: string
  readonly name: string
  /** Topic filters as everybody but devices spells them. */
  readonly publish: readonly string[]
  readonly subscribe: readonly string[]
  readonly api: 'read' | 'write' | 'none'
  readonly expires_at: number | null
}

/** A device without a key, with a claim code to exchange for one. */
export interface ClaimPrincipal {
  readonly kind: 'claim'
  readonly id: string
  readonly home_id: string
  readonly expires_at: number
}
