export const days = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const
export type Day = (typeof days)[number]

/** Hours of the day, in the home's time, and the days on which they begin; until the next day where they end no later than they begin. */
export interface Hours {
  readonly from: string
  readonly to: string
  readonly days: readonly Day[]
}

/** What stands there at first. */
export const everyNight: Hours = { from: '22:00', to: '07:00', days }
