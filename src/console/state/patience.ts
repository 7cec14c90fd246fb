import { signal } from '@preact/signals'

const attempts = 100
const pause_ms = 3000

/** How many parts of the page did not come, and are asked for again. */
export const missing = signal(0)

/** Loads a part of the page; while nobody answers, it asks again, for some minutes. @throws what the browser says in the end */
export async function patiently<T>(load: () => Promise<T>): Promise<T> {
  let failures = 0
  try {
    while (failures < attempts - 1) {
      try {
        return await load()
      } catch {
        if (failures++ === 0) missing.value++
        await new Promise(resolve => setTimeout(resolve, pause_ms))
      }
    }
    return await load()
  } finally {
    if (failures > 0) missing.value--
  }
}
