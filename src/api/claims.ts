import type { FastifyRequest } from 'fastify'
import { renderSVG } from 'uqr'
import { z } from 'zod'
import { record } from '../audit/audit.js'
import {
  authenticateClaim,
  claimUri,
  createClaim,
  deleteClaim,
  getClaim,
  openClaims,
  redeemClaim,
} from '../devices/claims.js'
import { HubError } from '../errors.js'
import { checkRoomIn } from '../homes/rooms.js'
import type { ClaimPrincipal } from '../principal.js'
import type { Api } from './api.js'
import { actorOf, audited } from './audited.js'
import type { ApiContext } from './context.js'
import { makeDevice, newDevice, withKey } from './devices.js'
import { checkRight } from './rights.js'
import { byId, id, name, nothing, time } from './schemas.js'

const claim = z.object({
  id: z.string(),
  home_id: z.string(),
  room_id: z.string().nullable(),
  type: z.string().nullable(),
  name: z.string().nullable(),
  created_by: z.string(),
  created_at: time,
  expires_at: time,
  used_at: time.nullable(),
  device_id: z.string().nullable(),
})
const newClaim = z.strictObject({
  name: name.nullable().default(null).describe('What the device is called; its own word when left out'),
  type: name.nullable().default(null),
  room_id: id.nullable().default(null),
  ttl_seconds: z
    .int()
    .min(60)
    .max(7 * 86_400)
    .default(3600),
})
const withCode = z.object({
  claim,
  code: z.string().describe('Shown here and never again, e.g. 7K3M-Q9TX-2HPW'),
  qr_svg: z.string().describe('The code as a QR code'),
})
const registration = newDevice.partial({ name: true }).extend({
  code: z.string().max(32).optional().describe('A claim code, in the place of an access token'),
})

export function claimRoutes(app: Api, context: ApiContext): void {
  const { db } = context.store
  app.get(
    '/homes/:id/claim-codes',
    {
      config: { who: 'owner' },
      schema: {
        summary: 'List the claim codes of a home that wait for their devices',
        params: byId,
        response: { 200: z.object({ claims: z.array(claim), next_cursor: z.null() }) },
      },
    },
    async request => {
      checkRight(request, { home_id: request.params.id }, 'home')
      return { claims: await openClaims(db, request.params.id), next_cursor: null }
    },
  )
  app.post(
    '/homes/:id/claim-codes',
    {
      config: { who: 'owner', action: 'claim.create', showsSecret: true },
      schema: {
        summary: 'Make a code that a device exchanges once for a key of its own',
        params: byId,
        body: newClaim.nullish(),
        response: { 201: withCode },
      },
    },
    async (request, reply) => {
      const home_id = request.params.id
      checkRight(request, { home_id }, 'home')
      const { ttl_seconds, ...rest } = newClaim.parse(request.body ?? {})
      const created_by = request.principal?.id ?? ''
      const wanted = { ...rest, home_id, created_by, expires_at: Date.now() + ttl_seconds * 1000 }
      const about = (made: { claim: { id: string } }) => ({ target: `claim/${made.claim.id}`, home_id })
      const made = await audited(
        request,
        db,
        async tx => {
          if (wanted.room_id !== null) await checkRoomIn(tx, home_id, wanted.room_id)
          return createClaim(tx, wanted)
        },
        about,
      )
      return reply.code(201).send({ ...made, qr_svg: renderSVG(claimUri(made.code)) })
    },
  )
  app.delete(
    '/homes/:id/claim-codes/:claim_id',
    {
      config: { who: 'owner', action: 'claim.delete' },
      schema: {
        summary: 'Take a claim code back',
        params: z.strictObject({ id, claim_id: id }),
        response: { 204: nothing('Taken back') },
      },
    },
    async (request, reply) => {
      const { id: home_id, claim_id } = request.params
      checkRight(request, { home_id }, 'home')
      const kept = await getClaim(db, claim_id)
      checkRight(request, { home_id: kept.home_id }, 'claim code')
      await audited(request, db, tx => deleteClaim(tx, claim_id), { target: `claim/${claim_id}`, home_id })
      return reply.code(204).send(null)
    },
  )
  registrationRoute(app, context)
}

function registrationRoute(app: Api, context: ApiContext): void {
  app.post(
    '/devices/register',
    {
      config: { who: 'claimant', action: 'device.register', showsSecret: true },
      schema: {
        summary: 'Make a device and its first key: as its owner, or as the device itself with a claim code',
        body: registration,
        response: { 201: withKey },
      },
    },
    async (request, reply) => {
      const { code, name, ...wanted } = request.body
      if (code !== undefined) {
        const claimant = await authenticateClaim(context.store.db, code).catch(async error => {
          await app.countFailure(request, reply)
          throw error
        })
        return reply.code(201).send(await redeem(context, request, claimant, { name, type: request.body.type }))
      }
      if (!request.principal) throw new HubError('unauthorized', 'This takes an access token, or a claim code.')
      if (name === undefined)
        throw new HubError('invalid_request', 'The request is not valid.', ['body/name: is missing'])
      return reply.code(201).send(await makeDevice(context, request, { ...wanted, name }))
    },
  )
}

/** Exchanges a claim code for a device with a key, in the name of the code. */
async function redeem(
  { store: { db }, key_ring }: ApiContext,
  request: Pick<FastifyRequest, 'ip' | 'id'> & Parameters<typeof audited>[0],
  claimant: ClaimPrincipal,
  said: Parameters<typeof redeemClaim>[2],
) {
  const { id: claim_id, home_id } = claimant
  const made = await db.transaction().execute(async tx => {
    const made = await redeemClaim(tx, claim_id, said)
    const actor = actorOf({ principal: claimant, ip: request.ip, id: request.id })
    const target = `device/${made.device.id}`
    await record(tx, { actor, action: 'device.register', target, home_id, outcome: 'done' })
    return made
  })
  key_ring.forgetDevice(made.device.id)
  return made
}
