import { type Day, days, type Hours } from '../state/hours.ts'
import { CheckField, TextField } from './fields.tsx'

/** The name of a day in the reader's language; the first of January 2024 was a Monday. */
const dayName = (day: Day) =>
  new Intl.DateTimeFormat(navigator.languages, { weekday: 'short', timeZone: 'UTC' }).format(
    Date.UTC(2024, 0, 1 + days.indexOf(day)),
  )

/** Hours of the day, in the home's time, and the days on which they begin. */
export function HoursFields({ hours, change }: { hours: Hours; change: (hours: Hours) => void }) {
  const turn = (day: Day, isOn: boolean) =>
    change({ ...hours, days: days.filter(one => (one === day ? isOn : hours.days.includes(one))) })
  return (
    <div class="inputs">
      <TextField type="time" label="From" required value={hours.from} change={from => change({ ...hours, from })} />
      <TextField type="time" label="To" required value={hours.to} change={to => change({ ...hours, to })} />
      <fieldset class="ticks">
        <legend>Beginning on</legend>
        {days.map(day => (
          <CheckField
            key={day}
            label={dayName(day)}
            value={hours.days.includes(day)}
            change={isOn => turn(day, isOn)}
          />
        ))}
      </fieldset>
    </div>
  )
}
