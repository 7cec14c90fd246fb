import { sql } from 'kysely'
import { expect, test } from 'vitest'
import { createDevice } from '../../src/devices/devices.js'
import { createHome } from '../../src/homes/homes.js'
import { createRule } from '../../src/rules/rules.js'
import { loadScopes, maxStates } from '../../src/rules/scopes.js'
import type { Db } from '../../src/store/store.js'
import { openTestStore } from '../store/harness.js'

async function home(db: Db, name: string, devices: number): Promise<string> {
  const { id: home_id } = await createHome(db, { name, timezone: 'UTC' })
  for (let i = 0; i < devices; i++) await createDevice(db, { id: `${name}-${i}`, name, type: 'sensor', home_id })
  await createRule(db, {
    home_id,
    device_id: null,
    group_id: null,
    type: null,
    name,
    enabled: true,
    severity: 'warning',
    message: null,
    condition: { type: 'no_data', seconds: 60 },
    active_hours: null,
    clear_after_seconds: 0,
    auto_clear: true,
    created_by: 'x',
  })
  return home_id
}

test('a home with more rules and devices than can be evaluated leaves no other home without', async () => {
  const { db, close } = await openTestStore({ sync: 'normal' })
  const large = await home(db, 'large', 110)
  const numbers = JSON.stringify(Array.from({ length: 999 }, (_, i) => i))
  await sql`insert into alert_rules select alert_rules.id || value, home_id, device_id, group_id, alert_rules.type, name, enabled, severity, message, alert_rules.key, condition,
    active_hours, clear_after_seconds, auto_clear, created_by, created_at, updated_at
    from alert_rules, json_each(${numbers}) where home_id = ${large}`.execute(db)
  const small = await home(db, 'small', 2)
  const { pairs, rules } = await loadScopes(db)
  expect(pairs.length).toBeGreaterThan(maxStates)
  const evaluated = pairs.slice(0, maxStates).filter(({ rule_id }) => rules.get(rule_id)?.rule.home_id === small)
  expect(evaluated.map(({ device_id }) => device_id).sort()).toEqual(['small-0', 'small-1'])
  await close()
})
