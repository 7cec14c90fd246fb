import type { Rule } from '../../client/routes.js'
import { conditionOf, type GroupDraft, groupOf, newGroup } from './conditions.ts'
import { devices, homeOf, type LiveDevice } from './homes.ts'
import type { Hours } from './hours.ts'
import { deviceName } from './names.ts'

/** A rule as it is written: what was typed. */
export interface RuleDraft {
  readonly home_id: string
  readonly scope: 'home' | 'device' | 'group'
  readonly device_id: string
  readonly group_id: string
  readonly type: string
  readonly name: string
  readonly severity: Rule['severity']
  readonly message: string
  readonly root: GroupDraft
  readonly hours: Hours | null
  readonly clear_after_seconds: string
  readonly auto_clear: boolean
}

export const newRule = (home_id: string): RuleDraft => ({
  home_id,
  scope: 'home',
  device_id: '',
  group_id: '',
  type: '',
  name: '',
  severity: 'warning',
  message: '',
  root: newGroup(),
  hours: null,
  clear_after_seconds: '0',
  auto_clear: true,
})

export const draftOf = (rule: Rule): RuleDraft => ({
  home_id: rule.home_id,
  scope: rule.device_id !== null ? 'device' : rule.group_id !== null ? 'group' : 'home',
  device_id: rule.device_id ?? '',
  group_id: rule.group_id ?? '',
  type: rule.type ?? '',
  name: rule.name,
  severity: rule.severity,
  message: rule.message ?? '',
  root: groupOf(rule.condition),
  hours: rule.active_hours,
  clear_after_seconds: String(rule.clear_after_seconds),
  auto_clear: rule.auto_clear,
})

/** When it raises its alert and takes it back, as the API takes it. */
export const timingOf = ({ root, hours, clear_after_seconds }: RuleDraft) => ({
  condition: conditionOf(root),
  active_hours: hours,
  clear_after_seconds: Number(clear_after_seconds),
})

/** What can be changed of a rule at any time. */
export const changesOf = (draft: RuleDraft) => ({
  name: draft.name,
  severity: draft.severity,
  message: draft.message.trim() === '' ? null : draft.message,
  auto_clear: draft.auto_clear,
  ...timingOf(draft),
})

interface Scope {
  readonly device_id?: string
  readonly home_id?: string
  readonly group_id?: string
  readonly type?: string
}

/** What it applies to, which stays as it was made. */
export function scopeOf({ scope, home_id, device_id, group_id, type }: RuleDraft): Scope {
  if (scope === 'device') return { device_id }
  return { home_id, ...(scope === 'group' && { group_id }), ...(type.trim() !== '' && { type: type.trim() }) }
}

/** What a rule applies to, in words. */
export function scopeText(
  { home_id, device_id, group_id, type }: Pick<Rule, 'home_id' | 'device_id' | 'group_id' | 'type'>,
  groups: ReadonlyMap<string, string>,
): string {
  if (device_id !== null) return deviceName(device_id)
  const where = group_id === null ? (homeOf(home_id)?.name ?? home_id) : `group ${groups.get(group_id) ?? group_id}`
  return type === null ? `Every device of ${where}` : `Devices of type ${type} of ${where}`
}

/** The devices that it may apply to: of a group those of the home. */
export const devicesOf = ({ scope, home_id, device_id, type }: RuleDraft): readonly LiveDevice[] =>
  [...devices.value.values()].filter(({ device: { value } }) =>
    scope === 'device' ? value.id === device_id : value.home_id === home_id && (type === '' || value.type === type),
  )
