/**
 * Repeats a deletion of at most `most` rows until nothing is left to delete, so that no statement holds the writer for long and other
 * writes get in between. It ends: what arrives meanwhile is not what it deletes.
 * @param step deletes at most `most` rows and tells how many. @returns how many rows went in all
 */
export async function inSteps(most: number, step: (most: number) => Promise<bigint>): Promise<number> {
  for (let total = 0; ; ) {
    const deleted = await step(most)
    total += Number(deleted)
    if (deleted < most) return total
  }
}
