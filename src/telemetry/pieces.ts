import { type BlockSample, DamagedBlock, unpackBlock } from '../blocks.js'

/** A row of `sample_blocks`. */
export interface Block {
  readonly num: number
  readonly device_num: number
  readonly start: number
  readonly end: number
  readonly bytes: number
  /** None where the block is damaged. */
  readonly samples: readonly BlockSample[]
}

/** Of one block: finding a sample in it takes less than a millisecond, and it is small in memory. */
export const most = { samples: 512, bytes: 64 * 1024 }

/** What is damaged is told to whoever queries it. Here it must not keep the samples of others from being stored. */
export function readable(data: Buffer): readonly BlockSample[] {
  try {
    return unpackBlock(data)
  } catch (error) {
    if (error instanceof DamagedBlock) return []
    throw error
  }
}

/** Cuts samples into blocks, of equal length where none of them is large. */
export function piecesOf(samples: readonly BlockSample[]): BlockSample[][] {
  const length = Math.ceil(samples.length / Math.ceil(samples.length / most.samples))
  const pieces: BlockSample[][] = []
  let piece: BlockSample[] = []
  let bytes = 0
  for (const sample of samples) {
    const more = bytesOf(sample)
    if (piece.length === 0 || piece.length === length || bytes + more > most.bytes) {
      piece = []
      pieces.push(piece)
      bytes = 0
    }
    piece.push(sample)
    bytes += more
  }
  return pieces
}

/** What a sample holds, in bytes of JSON. */
export const bytesOf = ({ data, metadata }: Pick<BlockSample, 'data' | 'metadata'>) =>
  JSON.stringify(data).length + (metadata === null ? 0 : JSON.stringify(metadata).length)
