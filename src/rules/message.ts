import type { Transition } from './engine.js'
import type { Rule } from './rules.js'

const maxLength = 1024
const usual = '{rule}: {reason}'

interface About extends Pick<Transition, 'reason' | 'values'> {
  readonly rule: Pick<Rule, 'name' | 'message'>
  readonly device: { readonly id: string; readonly name: string }
}

/** The words of an alert: those of the rule, with what is known filled in. A word in braces that stands for nothing stays as it is. */
export function messageOf({ rule, device, reason, values }: About): string {
  const [[field, value] = ['', '']] = Object.entries(values)
  const known: Readonly<Record<string, unknown>> = {
    device: device.name,
    device_id: device.id,
    rule: rule.name,
    field,
    value,
    reason,
  }
  const text = (rule.message ?? usual).replace(/\{(\w{1,16})\}/g, (whole, name: string) =>
    Object.hasOwn(known, name) ? String(known[name]) : whole,
  )
  return text.slice(0, maxLength).toWellFormed()
}
