import { InvalidArgumentError } from 'commander'

/** Reads an option that is a whole number in a range. */
export const numberIn = (min: number, max: number) => (text: string) => {
  const value = Number(text)
  if (text.trim() !== '' && Number.isInteger(value) && value >= min && value <= max) return value
  throw new InvalidArgumentError(`It must be a whole number from ${min} to ${max}.`)
}

export const whole = numberIn(0, Number.MAX_SAFE_INTEGER)
