import { readFileSync } from 'node:fs'
import { z } from 'zod'

const manifest = z.object({ version: z.string() })

/** The version of this program, from its manifest. */
export const { version } = manifest.parse(JSON.parse(readFileSync(new URL(import.meta.resolve('#manifest')), 'utf8')))
