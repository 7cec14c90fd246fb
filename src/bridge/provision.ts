import { record } from '../audit/audit.js'
import { redeemClaim } from '../devices/claims.js'
import type { KeyRing } from '../devices/key-ring.js'
import { HubError } from '../errors.js'
import { PayloadFault } from '../json.js'
import { provisionRequest } from '../messages.js'
import type { ClaimPrincipal } from '../principal.js'
import type { Store } from '../store/store.js'
import { parseMessage } from './parse.js'

/** Exchanges a claim code for a device with a key. @returns the answer, which says what went wrong when it did */
export async function provision(
  { store: { db }, key_ring }: { readonly store: Store; readonly key_ring: KeyRing },
  claim: ClaimPrincipal,
  address: string,
  payload: Buffer,
): Promise<string> {
  try {
    const said = payload.length === 0 ? {} : parseMessage(provisionRequest, payload)
    const { device, api_key } = await db.transaction().execute(async tx => {
      const made = await redeemClaim(tx, claim.id, said)
      const actor = { kind: 'claim', id: claim.id, address, request_id: null } as const
      const target = `device/${made.device.id}`
      await record(tx, { actor, action: 'device.register', target, home_id: claim.home_id, outcome: 'done' })
      return made
    })
    key_ring.forgetDevice(device.id)
    return JSON.stringify({ device_id: device.id, home_id: device.home_id, api_key })
  } catch (error) {
    if (error instanceof PayloadFault) return JSON.stringify({ error: 'invalid_payload', message: error.message })
    if (error instanceof HubError && error.code !== 'storage_unavailable')
      return JSON.stringify({ error: error.code, message: error.message })
    throw error
  }
}
