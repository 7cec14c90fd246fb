import type { Device } from '../../client/routes.js'
import { isObject, isValue, type Value } from './readings.ts'

/** A parameter of a command, as far as its JSON Schema says what to ask for. */
export interface Param {
  readonly name: string
  readonly kind: 'choice' | 'switch' | 'number' | 'text'
  readonly required: boolean
  readonly choices: readonly Value[]
  readonly min: number | undefined
  readonly max: number | undefined
  readonly isWhole: boolean
  readonly standard: Value | undefined
}

/** A command that a device has said it knows. */
export interface Capability {
  readonly name: string
  readonly about: string
  readonly params: readonly Param[]
}

/** What a device declared in `hello`: a list of names, or an object with the JSON Schema of each command's parameters. */
export function capabilitiesOf({ hello }: Pick<Device, 'hello'>): Capability[] {
  const said = hello?.capabilities
  if (Array.isArray(said)) return said.map(name => ({ name: String(name), about: '', params: [] }))
  if (!isObject(said)) return []
  return Object.entries(said).map(([name, given]) => {
    const about = isObject(given) && typeof given.about === 'string' ? given.about : ''
    const schema = isObject(given) && isObject(given.params) ? given.params : given
    return { name, about, params: paramsOf(schema) }
  })
}

function paramsOf(schema: unknown): Param[] {
  if (!isObject(schema) || !isObject(schema.properties)) return []
  const required = Array.isArray(schema.required) ? schema.required : []
  return Object.entries(schema.properties).map(([name, property]) =>
    paramOf(name, isObject(property) ? property : {}, required.includes(name)),
  )
}

const numberOr = (value: unknown) => (typeof value === 'number' ? value : undefined)

function paramOf(name: string, property: Readonly<Record<string, unknown>>, required: boolean): Param {
  const { type } = property
  const choices = Array.isArray(property.enum) ? property.enum.filter(isValue) : []
  const isNumber = type === 'number' || type === 'integer'
  return {
    name,
    kind: choices.length > 0 ? 'choice' : isNumber ? 'number' : type === 'boolean' ? 'switch' : 'text',
    required,
    choices,
    min: numberOr(property.minimum),
    max: numberOr(property.maximum),
    isWhole: type === 'integer',
    standard: isValue(property.default) ? property.default : undefined,
  }
}

/** What was typed, as the parameter wants it; undefined where nothing was. */
export function paramValue({ kind, choices }: Param, text: string): Value | undefined {
  if (text === '') return undefined
  if (kind === 'choice') return choices.find(choice => String(choice) === text)
  if (kind === 'switch') return text === 'true'
  return kind === 'number' ? Number(text) : text
}
