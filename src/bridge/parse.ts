import type { z } from 'zod'
import { PayloadFault, parseJson } from '../json.js'

/** @throws PayloadFault when the payload is not JSON of this schema */
export function parseMessage<T>(schema: z.ZodType<T>, payload: Buffer): T {
  const parsed = schema.safeParse(parseJson(payload))
  if (parsed.success) return parsed.data
  throw new PayloadFault(parsed.error.issues.map(({ path, message }) => [...path, message].join(': ')).join('; '))
}
