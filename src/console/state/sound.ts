/** The least and the greatest sample of each column, full scale ±1. */
export type Peaks = readonly (readonly [low: number, high: number])[]

const columns = 480

/** Where this page may fetch a sound: the hub's own are signed by their path alone. Null when it is kept elsewhere. */
export function soundAt(url: string): string | null {
  const { origin, pathname, search } = new URL(url, location.origin)
  return origin === location.origin || pathname.startsWith('/api/v1/objects/')
    ? `${location.origin}${pathname}${search}`
    : null
}

/** Fetches a sound and looks at it. @throws Error when it cannot be had, or the browser does not know its kind */
export async function peaksOf(url: string): Promise<Peaks> {
  const response = await fetch(url)
  if (!response.ok) throw new Error('The sound is not there any more: read the recording again.')
  const samples = await decoded(await response.arrayBuffer())
  const width = samples.length / columns
  return Array.from({ length: columns }, (_, column) =>
    peakOf(samples.subarray(Math.floor(column * width), Math.ceil((column + 1) * width))),
  )
}

/** The first channel, at a rate that is enough for a drawing. */
async function decoded(bytes: ArrayBuffer): Promise<Float32Array> {
  try {
    return (await new OfflineAudioContext(1, 1, 8000).decodeAudioData(bytes)).getChannelData(0)
  } catch (cause) {
    throw new Error('This browser cannot draw this kind of sound.', { cause })
  }
}

function peakOf(samples: Float32Array): readonly [number, number] {
  let [low, high] = [0, 0]
  for (const sample of samples) {
    low = Math.min(low, sample)
    high = Math.max(high, sample)
  }
  return [low, high]
}
