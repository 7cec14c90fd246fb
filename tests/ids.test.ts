import { expect, test } from 'vitest'
import { newId, newSortableId } from '../src/ids.js'
import { idPattern } from '../src/topics.js'

const many = (make: () => string) => Array.from({ length: 20_000 }, make)

test('an id has 12 characters of the contract’s grammar, and none comes twice', () => {
  const ids = many(newId)
  expect(ids.every(id => /^[a-z0-9]{12}$/.test(id) && idPattern.test(id))).toBe(true)
  expect(new Set(ids).size).toBe(ids.length)
})

test('every character occurs in every place of an id', () => {
  const ids = many(newId)
  for (let place = 0; place < 12; place++) expect(new Set(ids.map(id => id[place])).size).toBe(36)
})

test('sortable ids sort in the order in which they were made, also within a millisecond', () => {
  const ids = many(newSortableId)
  expect(ids.toSorted()).toEqual(ids)
  expect(new Set(ids).size).toBe(ids.length)
  expect(ids.every(id => idPattern.test(id))).toBe(true)
})
