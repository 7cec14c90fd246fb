import type { Generated } from 'kysely'
import type { Severity } from '../inbound.js'
import type { Json, Time } from './columns.js'

export interface RuleTables {
  alert_rules: {
    id: string
    home_id: string
    /** One of the two, or neither for the whole home. */
    device_id: string | null
    group_id: string | null
    /** Of the home's devices only those of this type. */
    type: string | null
    name: string
    /** 1, or 0 when it is not to be evaluated. */
    enabled: number
    severity: Severity
    /** With `{value}`, `{field}` … in it; null for words of the hub's own. */
    message: string | null
    /** Under which its alerts are raised. */
    key: string
    condition: Json<unknown>
    active_hours: Json<unknown>
    clear_after_seconds: number
    /** 1; 0 when people alone close its alerts. */
    auto_clear: number
    created_by: string
    created_at: Time
    updated_at: Time
  }
  /** One row: how far the rules have been evaluated. */
  rule_evaluation: {
    id: Generated<number>
    /** What was received before has been evaluated. */
    until: Time | null
    /** Counted on by triggers whenever it may be other devices that rules apply to, or other rules. */
    scopes: Generated<number>
  }
}
