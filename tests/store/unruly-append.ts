import type { AppendWriter, OpenAppendWriter } from '../../src/store/append.js'

/** An append that does, inside the writer thread, what a payload says: hang, die, throw. Anything else it stores as a probe. */
export const openAppendWriter: OpenAppendWriter = db => {
  const keep = db.prepare('insert or replace into probe (id, written_at) values (?, ?)')
  const deeds: Readonly<Record<string, () => string | null>> = {
    spin: () => {
      for (;;) Math.random()
    },
    exit: () => process.exit(3),
    throw: () => {
      throw new Error('the append is at fault')
    },
    'throw later': () => {
      queueMicrotask(() => {
        throw new Error('the thread is at fault')
      })
      return null
    },
    refuse: () => 'refused',
    'take long': () => {
      for (const end = performance.now() + 60; performance.now() < end; ) Math.random()
      return null
    },
  }
  const writer: AppendWriter = {
    append: ({ device_num, received_at, payload }) => {
      const deed = deeds[payload.toString().trim()]
      if (deed) return deed()
      keep.run(device_num, received_at)
      return null
    },
    attend: () => undefined,
    takeTold: () => null,
    beforeCommit: () => undefined,
    work: () => false,
    rolledBack: () => undefined,
  }
  return writer
}
