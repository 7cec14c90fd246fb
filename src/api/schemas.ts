import { z } from 'zod'
import { fieldRetentionFault, retentionFault } from '../../config/retention.js'
import { homeRoles } from '../principal.js'
import { maxKeyLength } from '../telemetry/payload.js'
import { checkTimezone } from '../telemetry/windows.js'
import { idPattern, isFilter, isPlainFilter } from '../topics.js'
import { endOfTime, parseTime } from './time.js'

/** The words that several routes share. What clients send is strict: a name that is not known is a fault, not a silent default. */

export const id = z.string().regex(idPattern, 'is not an id: a-z, 0-9, _ and -, 1 to 64 characters')
export const byId = z.strictObject({ id })

/** Milliseconds since 1970, UTC. */
export const time = z.int().min(0).max(endOfTime).describe('Milliseconds since 1970, UTC')
const word = (length: number) => z.string().trim().min(1).max(length)
/** A name that people read: one line, no control characters. */
export const name = word(128).regex(/^\P{Cc}*$/u, 'holds a control character')
/** What people log in with. A user name has no `@`, so that it is nobody's e-mail address. */
export const email = z.email().max(254).describe('An e-mail address')
export const username = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{1,63}$/, 'is no user name: letters, digits, . _ and -, 2 to 64 characters')
export const password = z.string().min(10).max(1024).describe('10 characters or more')
export const homeRole = z.enum(homeRoles)
export const json = z.record(z.string(), z.unknown())

/** A time zone, by its IANA name. */
export const timezone = z.string().max(64).refine(isTimezone, 'is no IANA time zone')

function isTimezone(text: string): boolean {
  try {
    return checkTimezone(text) === text
  } catch {
    return false
  }
}

const retentionText = (faultOf: (text: string) => string | null) =>
  z
    .string()
    .max(128)
    .superRefine((text, context) => {
      const fault = faultOf(text)
      if (fault) context.addIssue(fault)
    })

/** How long telemetry is kept; null for what the level above says. */
export const retention = retentionText(retentionFault).nullable().describe('Like raw=30d,1m=1y; null takes it back')

/** The same of single fields. */
export const retention_fields = z
  .record(z.string().min(1).max(maxKeyLength), retentionText(fieldRetentionFault))
  .refine(fields => Object.keys(fields).length <= 64, 'names more than 64 fields')
  .nullable()
  .describe('By the names of fields, like {"energy": "raw=forever"}; null takes it back')

export const told_retention_fields = z
  .record(z.string(), z.string())
  .nullable()
  .describe('How long single fields are kept; null where all are as the rest')

/** The part of a query that says which page of a list. */
export const page = {
  limit: z.coerce.number().int().min(1).max(1000).default(100).describe('Rows at most'),
  cursor: z.string().max(1024).optional().describe('The `next_cursor` of the page before'),
}
export const next_cursor = z.string().nullable().describe('For the next page; null on the last')

/** What is wrong with what is there; of what is not there the words are those of everything that is missing. */
export const unlessMissing =
  (words: string) =>
  ({ input }: { readonly input?: unknown }): string | undefined =>
    input === undefined ? undefined : words

const noTime = 'is no time: milliseconds since 1970, ISO 8601, now, or like -1h, +7d'

/** A moment in a query. */
export const moment = z
  .string()
  .max(64)
  .describe('Milliseconds since 1970, ISO 8601 (UTC where it names no offset), `now`, or relative like -1h or -7d')
  .transform((text, context) => {
    const at = parseTime(text, Date.now())
    if (at !== null) return at
    context.addIssue({ code: 'custom', message: noTime })
    return z.NEVER
  })

/** The same in a body, where milliseconds are a number. */
export const momentInBody = z.union([time, moment], { error: unlessMissing(noTime) })

/** A list in a query, separated by commas. */
export const list = (max: number, what: string) =>
  z
    .string()
    .max(8192)
    .describe(`${what}, separated by commas`)
    .transform(text => text.split(',').filter(part => part !== ''))
    .pipe(z.array(z.string().max(128)).min(1).max(max))

/** A topic filter as everybody but devices spells it. */
export const topicFilter = z
  .string()
  .max(1024)
  .refine(text => isPlainFilter(text) && isFilter(text) && !text.startsWith('$'), 'is no topic filter')

/** What is answered when there is nothing to say: status 204. */
export const nothing = (what: string) => z.null().describe(what)

/** Every answer that is not 2xx. */
export const fault = z.object({
  error: z.string().describe('A code from a closed list'),
  message: z.string(),
  details: z.array(z.string()).describe('A line for each fault'),
})

/** A schema as the documents show it. */
export function jsonSchema(schema: z.ZodType) {
  const { $schema: _, ...shown } = z.toJSONSchema(schema, { io: 'output' })
  return shown
}

/** Described, and not checked again on its way out: an answer may hold 100,000 values, and checking each took 50 ms. */
export const unchecked = <Schema extends z.ZodType>(schema: Schema) =>
  z.custom<Readonly<z.infer<Schema>>>().meta(jsonSchema(schema))

function ofJsonSchema(): never {
  throw new Error('The schemas of routes are in zod.')
}
/** In the place of Fastify's own compilers, which are a hundred files, loaded at each start and then not used. */
export const zodAlone = { compilersFactory: { buildValidator: ofJsonSchema, buildSerializer: ofJsonSchema } }
