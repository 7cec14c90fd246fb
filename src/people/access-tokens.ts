import { JOSEError, JWSInvalid, JWTExpired } from 'jose/errors'
import { SignJWT } from 'jose/jwt/sign'
import { jwtVerify } from 'jose/jwt/verify'
import { z } from 'zod'
import { HubError } from '../errors.js'
import type { SigningKey, SigningKeys } from './signing-keys.js'

const issuer = 'hearth'
const audience = 'hearth'
const algorithm = 'HS256'
const maxLength = 4096

/** How long an access token is good, in seconds. */
export const accessSeconds = 15 * 60
/** Long enough to watch for a day. */
const operatorSeconds = 86_400
/** The subject of a token that the command line has made for itself. */
export const commandLine = 'command-line'

const claims = z.union([
  z.object({ sub: z.string(), sid: z.string(), ver: z.int(), exp: z.number() }),
  z.object({ sub: z.literal(commandLine), operator: z.literal(true), exp: z.number() }),
])

/** What a token says: who, by which login, and of which of their versions; or that the command line speaks, which is nobody's account. */
export type Claims = z.infer<typeof claims>

/** A person's token. What they may do is not in it: that is looked up, so that it can change at once. */
export const signAccessToken = (
  key: SigningKey,
  { user_id, session_id, token_version }: { user_id: string; session_id: string; token_version: number },
  seconds = accessSeconds,
): Promise<string> => sign(key, user_id, { sid: session_id, ver: token_version }, seconds)

/** A token for the command line on the hub's own machine: whoever can read the signing key is its administrator. */
export const signOperatorToken = (key: SigningKey): Promise<string> =>
  sign(key, commandLine, { operator: true }, operatorSeconds)

function sign({ kid, secret }: SigningKey, sub: string, payload: object, seconds: number): Promise<string> {
  const now = Math.floor(Date.now() / 1000)
  return new SignJWT({ ...payload })
    .setProtectedHeader({ alg: algorithm, kid })
    .setSubject(sub)
    .setIssuer(issuer)
    .setAudience(audience)
    .setIssuedAt(now)
    .setExpirationTime(now + seconds)
    .sign(secret)
}

export const notValid = (what = 'is not valid', cause?: unknown) =>
  new HubError('unauthorized', `The access token ${what}.`, [], cause)

/** @throws HubError `unauthorized` when the token is not ours, not in force, or signed by anything but our keys and algorithm */
export async function verifyAccessToken(keys: SigningKeys, access_token: string): Promise<Claims> {
  if (access_token.length > maxLength) throw notValid()
  try {
    const { payload } = await jwtVerify(
      access_token,
      ({ kid }) => {
        const key = keys.find(kid)
        if (!key) throw new JWSInvalid('unknown kid')
        return key.secret
      },
      { algorithms: [algorithm], issuer, audience, requiredClaims: ['exp'] },
    )
    return claims.parse(payload)
  } catch (error) {
    if (!(error instanceof JOSEError || error instanceof z.ZodError)) throw error
    throw notValid(error instanceof JWTExpired ? 'has expired' : undefined, error)
  }
}
