import { isObject, ownIn } from './readings.ts'

type Json = Readonly<Record<string, unknown>>

const isSame = (a: unknown, b: unknown) => JSON.stringify(a) === JSON.stringify(b)

/** The JSON Merge Patch that makes `after` of `before`. */
export function patchOf(before: Json, after: Json): Json {
  const patch: [string, unknown][] = []
  for (const [name, value] of Object.entries(after)) {
    const old = ownIn(before, name)
    if (isSame(old, value)) continue
    patch.push([name, isObject(value) && isObject(old) ? patchOf(old, value) : value])
  }
  for (const name of Object.keys(before)) if (!Object.hasOwn(after, name)) patch.push([name, null])
  return Object.fromEntries(patch)
}
