import { z } from 'zod'
import { bytesOf } from './quantities.js'

/** The kinds of settings that there are several of. */

export const port = (standard: number, what: string) =>
  z.coerce.number().int().min(0).max(65_535).default(standard).describe(`${what}. 0 takes any free port`)
export const limit = (standard: number, what: string) =>
  z.coerce.number().min(0).default(standard).describe(`${what}. 0 for no limit`)
export const bytes = (standard: string, what: string) =>
  z
    .string()
    .refine(text => bytesOf(text) !== null, 'is written like 500MB or 20GB, with a unit')
    .default(standard)
    .describe(what)
export const optional = (what: string) => z.string().min(1).optional().describe(what)
