const attempts = 100
const pause_ms = 3000

/** Loads a part of the page; while nobody answers, it asks again, for some minutes. @throws what the browser says in the end */
export async function patiently<T>(load: () => Promise<T>): Promise<T> {
  for (let attempt = 1; attempt < attempts; attempt++) {
    try {
      return await load()
    } catch {
      await new Promise(resolve => setTimeout(resolve, pause_ms))
    }
  }
  return load()
}
