import type { JsonObject } from '../json.js'
import { fitsAlert } from '../messages.js'
import type { Transition } from './engine.js'
import type { Rule } from './rules.js'

const maxLength = 1024
const usual = '{rule}: {reason}'

const words = ['device', 'device_id', 'rule', 'field', 'value', 'reason'] as const

/** What is wrong with the words of a rule that is to be made; null when each word in braces stands for something. */
export function messageFault(message: string): string | null {
  const named = [...message.matchAll(/\{(\w+)\}/g)].flatMap(([, name]) => name ?? [])
  const unknown = named.find(name => !words.some(word => word === name))
  return unknown === undefined
    ? null
    : `{${unknown}} stands for nothing: there are ${words.map(word => `{${word}}`).join(', ')}`
}

interface About extends Pick<Transition, 'reason' | 'values'> {
  readonly rule: Pick<Rule, 'name' | 'message'>
  readonly device: { readonly id: string; readonly name: string }
}

/** The words of an alert: those of the rule, with what is known filled in. A word in braces that stands for nothing, in older rules, stays as it is. */
export function messageOf({ rule, device, reason, values }: About): string {
  const [[field, value] = ['', '']] = Object.entries(values)
  const known: Readonly<Record<(typeof words)[number], unknown>> = {
    device: device.name,
    device_id: device.id,
    rule: rule.name,
    field,
    value,
    reason,
  }
  const text = (rule.message ?? usual).replace(/\{(\w+)\}/g, (whole, name: string) => {
    const word = words.find(word => word === name)
    return word ? String(known[word]) : whole
  })
  return text.slice(0, maxLength).toWellFormed()
}

const longest = { reason: 512, value: 64 }
const cut = (text: string, length: number) => text.slice(0, length).toWellFormed()

/** What an alert of a rule holds beside its words. Of what a device has said at length, and would be too much, the beginning. */
export function dataOf({ reason, values }: Pick<Transition, 'reason' | 'values'>): JsonObject {
  const whole = { reason, values }
  if (fitsAlert(whole)) return whole
  const short = Object.entries(values).map(([name, value]) => [name, shortened(value)])
  return { reason: cut(reason, longest.reason), values: Object.fromEntries(short) }
}

function shortened(value: unknown): unknown {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? '')
  return text.length <= longest.value ? value : cut(text, longest.value)
}
