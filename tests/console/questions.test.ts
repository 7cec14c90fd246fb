import { expect, test } from 'vitest'
import { questions } from '../../src/console/state/questions.js'

/** Something that is read whole and counted up meanwhile, with answers that come when they are let. */
function counter() {
  const { ask, note, drop } = questions<(known: number) => number>()
  const state = { shown: 0 }
  return {
    state,
    drop,
    add: (more: number) => {
      const change = (known: number) => known + more
      note(change)
      state.shown = change(state.shown)
    },
    read: () => {
      const turn: { answer?: (whole: number) => void; fail?: (error: Error) => void } = {}
      const question = new Promise<number>((resolve, reject) => Object.assign(turn, { answer: resolve, fail: reject }))
      const done = ask(
        () => question,
        (whole, since) => {
          state.shown = since.reduce((known, change) => change(known), whole)
        },
      )
      return { answer: (whole: number) => turn.answer?.(whole), fail: (error: Error) => turn.fail?.(error), done }
    },
  }
}

test('what changed after a question was asked counts over its answer, what changed before does not', async () => {
  const { state, add, read } = counter()
  add(1)
  const first = read()
  add(10)
  first.answer(100)
  await first.done
  expect(state.shown).toBe(110)
})

test('an answer that comes after that of a later question is not shown; one that comes before it is', async () => {
  const { state, add, read } = counter()
  const [first, second] = [read(), read()]
  add(1)
  first.answer(100)
  await first.done
  expect(state.shown).toBe(101)
  second.answer(200)
  await second.done
  expect(state.shown).toBe(201)
  const [third, fourth] = [read(), read()]
  fourth.answer(400)
  await fourth.done
  third.answer(300)
  await third.done
  expect(state.shown).toBe(400)
})

test('a question that fails says so, unless a later one was answered or nobody wants to know any more', async () => {
  const { state, read, drop } = counter()
  const [first, second] = [read(), read()]
  second.answer(2)
  await second.done
  first.fail(new Error('too late'))
  await first.done
  const third = read()
  third.fail(new Error('nobody answers'))
  await expect(third.done).rejects.toThrow('nobody answers')
  const fourth = read()
  drop()
  fourth.answer(4)
  await fourth.done
  expect(state.shown).toBe(2)
})

test('of changes without end the newest are kept for an answer that does not come', async () => {
  const { state, add, read } = counter()
  const { answer, done } = read()
  for (let i = 0; i < 1500; i++) add(1)
  answer(0)
  await done
  expect(state.shown).toBe(1000)
})
