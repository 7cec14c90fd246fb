import { z } from 'zod'
import { isObject } from '../json.js'
import { maxKeyLength } from '../telemetry/payload.js'

/** What a rule may ask at most: conditions in its tree, and how deep they are nested. */
const maxLeaves = 16
const maxDepth = 4
/** For how long, in seconds, something may have to last, and how far back a window may reach: a start reads as much of each device. */
const maxSeconds = 86_400
const maxSilence = 30 * 86_400
const maxEvents = 1000

const field = z.string().min(1).max(maxKeyLength).describe('The name of a field of telemetry')
const scalar = z.union([z.number(), z.boolean(), z.string().max(1024)])
const limit = z.number().optional()
const limits = {
  above: limit.describe('More than this'),
  at_least: limit,
  below: limit.describe('Less than this'),
  at_most: limit,
}
const sameness = { equals: scalar.optional(), not_equals: scalar.optional() }
const for_seconds = z.number().min(0).max(maxSeconds).default(0).describe('For so long without a break')
const window_seconds = z.number().min(1).max(maxSeconds)

const threshold = z.strictObject({
  type: z.literal('threshold'),
  field,
  ...limits,
  ...sameness,
  clear_at: limit.describe('Holds on until the value has come back to this'),
  for_seconds,
})
const rate = z.strictObject({
  type: z.literal('rate'),
  field,
  ...limits,
  per_seconds: z.number().min(1).max(maxSeconds).default(60).describe('The limit is a change in so much time'),
  window_seconds: window_seconds.describe('Between the oldest and the newest reading within so much time'),
})
const noData = z.strictObject({
  type: z.literal('no_data'),
  field: field.optional().describe('Any message of the device when left out'),
  seconds: z.number().min(1).max(maxSilence),
})
const state = z.strictObject({
  type: z.literal('state'),
  path: z.string().min(1).max(256).describe('Where in the reported state, with dots: `door.locked`'),
  ...sameness,
  for_seconds,
})
const events = z.strictObject({
  type: z.literal('events'),
  kind: z.string().min(1).max(128).default('event').describe('`event`, or `alert/{key}`'),
  name: z.string().min(1).max(128).optional().describe('What an event calls itself in `event`, `name` or `type`'),
  count: z.int().min(1).max(maxEvents).default(1),
  window_seconds,
})

type Operators = { readonly [Name in (typeof operators)[number]]?: unknown }
const operators = ['above', 'at_least', 'below', 'at_most', 'equals', 'not_equals'] as const
const hasOneLimit = (leaf: Operators) => operators.filter(name => leaf[name] !== undefined).length === 1
const oneLimit = 'wants one of above, at_least, below, at_most, equals and not_equals'
const oneOfTwo = 'wants either equals or not_equals'

const leaf = z.discriminatedUnion('type', [
  threshold.refine(hasOneLimit, oneLimit).refine(canClear, 'clear_at lies beyond the limit, or there is none'),
  rate.refine(hasOneLimit, 'wants one of above, at_least, below and at_most'),
  noData,
  state.refine(hasOneLimit, oneOfTwo),
  events,
])
export type LeafSpec = z.infer<typeof leaf>

/** When a rule is to raise its alert: one thing, or several of which all or any must be so. */
export type Condition = LeafSpec | { readonly all: readonly Condition[] } | { readonly any: readonly Condition[] }

function canClear({ above, at_least, below, at_most, clear_at }: z.infer<typeof threshold>): boolean {
  if (clear_at === undefined) return true
  const [low, high] = [above ?? at_least, below ?? at_most]
  return low !== undefined ? clear_at <= low : high !== undefined && clear_at >= high
}

interface Node {
  readonly all?: unknown
  readonly any?: unknown
}
const isNode = (value: unknown): value is Node => isObject(value) && ('all' in value || 'any' in value)

/** The parts of a node; null when it is none. */
function partsOf(node: Node): readonly unknown[] | null {
  const [name, ...more] = Object.keys(node)
  const parts = name === 'all' ? node.all : node.any
  return more.length === 0 && Array.isArray(parts) && parts.length > 0 ? parts : null
}

/** Reads a tree by hand: how deep and how large it is is known before anything of it is taken. */
function readCondition(value: unknown, context: z.RefinementCtx, path: readonly (string | number)[] = []): Condition {
  const fault = (message: string) => context.addIssue({ code: 'custom', message, path: [...path] })
  if (!isNode(value)) {
    const read = leaf.safeParse(value)
    if (read.success) return read.data
    for (const issue of read.error.issues)
      context.addIssue({ code: 'custom', message: issue.message, path: [...path, ...issue.path] })
    return z.NEVER
  }
  const parts = partsOf(value)
  if (path.length >= 2 * (maxDepth - 1)) fault(`is nested deeper than ${maxDepth}`)
  else if (parts === null) fault('wants either all or any, with a list of conditions')
  else if (parts.length > maxLeaves) fault(`has more than ${maxLeaves} conditions`)
  else {
    const name = 'all' in value ? 'all' : 'any'
    const read = parts.map((part, i) => readCondition(part, context, [...path, name, i]))
    return name === 'all' ? { all: read } : { any: read }
  }
  return z.NEVER
}

/** Every single condition of a tree, in its order. */
export function leavesOf(condition: Condition): LeafSpec[] {
  if ('all' in condition) return condition.all.flatMap(leavesOf)
  return 'any' in condition ? condition.any.flatMap(leavesOf) : [condition]
}

const { $schema: _, ...leafDocument } = z.toJSONSchema(leaf, { io: 'input' })
const nested = { type: 'array', items: { type: 'object', additionalProperties: true }, minItems: 1 }
const nodeDocument = (name: string) => ({
  type: 'object',
  properties: { [name]: nested },
  required: [name],
  additionalProperties: false,
})
export const conditionDocument = { anyOf: [leafDocument, nodeDocument('all'), nodeDocument('any')] }

/** A condition as it comes from outside. */
export const condition = z
  .unknown()
  .meta(conditionDocument)
  .transform((value, context): Condition => {
    const read = readCondition(value, context)
    if (context.issues.length === 0 && leavesOf(read).length > maxLeaves)
      context.addIssue({ code: 'custom', message: `has more than ${maxLeaves} conditions` })
    return read
  })
  .describe(`One condition, or {"all": […]} and {"any": […]} of them, ${maxDepth} deep, ${maxLeaves} in all`)

/** How far back a condition looks, in milliseconds. */
export function lookBackOf(one: Condition): number {
  const seconds = leavesOf(one).map(spec => {
    if ('window_seconds' in spec) return spec.window_seconds
    return 'for_seconds' in spec ? spec.for_seconds : 0
  })
  return Math.max(0, ...seconds) * 1000
}
