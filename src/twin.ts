import { isDeepStrictEqual } from 'node:util'
import { isObject, type JsonObject } from './json.js'

/*
 * A device's state as it is reported and as it is desired: JSON objects, changed by JSON Merge Patch (RFC 7396). The store has these as
 * functions of SQL, so that a change is one statement.
 */

/** The target with the patch's names, without those that the patch sets to null. Neither is changed. */
export function mergePatch(target: unknown, patch: JsonObject): JsonObject {
  const merged = new Map(isObject(target) ? Object.entries(target) : [])
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) merged.delete(name)
    else merged.set(name, isObject(value) ? mergePatch(merged.get(name), value) : value)
  }
  return Object.fromEntries(merged)
}

/** The patch that makes `after` of `before`. */
export function diffPatch(before: JsonObject, after: JsonObject): JsonObject {
  const patch = new Map<string, unknown>()
  for (const [name, value] of Object.entries(after)) {
    const old = before[name]
    if (isDeepStrictEqual(value, old)) continue
    patch.set(name, isObject(value) && isObject(old) ? diffPatch(old, value) : value)
  }
  for (const name of Object.keys(before)) if (!Object.hasOwn(after, name)) patch.set(name, null)
  return Object.fromEntries(patch)
}

/** What is wished and not so yet: the names of `desired` whose reported value differs, nested objects likewise. */
export function openDifference(desired: JsonObject, reported: JsonObject): JsonObject {
  const open = new Map<string, unknown>()
  for (const [name, wish] of Object.entries(desired)) {
    const actual = reported[name]
    if (isDeepStrictEqual(wish, actual)) continue
    const inner = isObject(wish) && isObject(actual) ? openDifference(wish, actual) : wish
    if (!isObject(inner) || Object.keys(inner).length > 0) open.set(name, inner)
  }
  return Object.fromEntries(open)
}

/**
 * The wishes that stand after a report. A value that has changed, and not to what was wished, was set at the device itself: the wish for
 * it is over. A value that is as it was before says nothing.
 * @param patch what the device reports
 * @param isSeen whether the wish for this name is older than the report; one that the device had not heard yet may be newer
 */
export function keepWishes(
  desired: JsonObject,
  reported: JsonObject,
  patch: JsonObject,
  isSeen: (name: string) => boolean,
): JsonObject {
  const kept = new Map(Object.entries(desired))
  for (const [name, said] of Object.entries(patch)) {
    const wish = kept.get(name)
    if (wish === undefined || !isSeen(name)) continue
    const before = reported[name]
    if (isObject(wish) && isObject(said)) {
      const inner = keepWishes(wish, isObject(before) ? before : {}, said, () => true)
      if (Object.keys(inner).length > 0 || Object.keys(wish).length === 0) kept.set(name, inner)
      else kept.delete(name)
    } else if (isSetByHand(wish, before, said)) kept.delete(name)
  }
  return Object.fromEntries(kept)
}

function isSetByHand(wish: unknown, before: unknown, said: unknown): boolean {
  const after = said === null ? undefined : isObject(said) ? mergePatch(before, said) : said
  return !isDeepStrictEqual(after, wish) && !isDeepStrictEqual(after, before)
}
