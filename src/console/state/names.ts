import { devices } from './homes.ts'
import { byName } from './sorted.ts'
import { labelOf } from './words.ts'

interface Named {
  readonly id: string
  readonly name: string
}

/** What a device is called; of one that is not known here, its id. */
export const deviceName = (id: string): string => devices.value.get(id)?.device.value.name ?? id

/** All devices of my homes, by their names. */
export const sortedDevices = () => byName([...devices.value.values()].map(({ device }) => device.value))

/** To be chosen from by their names. */
export const choicesOf = (rows: readonly Named[]) => rows.map(({ id, name }) => [id, name] as const)

/** To be chosen from by themselves. */
export const labelled = <T extends string>(values: readonly T[]) => values.map(one => [one, labelOf(one)] as const)
