/** By their names, as one looks them up. */
export const byName = <T extends { readonly name: string }>(rows: readonly T[]): readonly T[] =>
  rows.toSorted((a, b) => a.name.localeCompare(b.name))
