import type { Group, Rule } from '../../client/routes.js'
import { CheckField } from '../parts/fields.tsx'
import { Read } from '../parts/panel.tsx'
import { Problem } from '../parts/problem.tsx'
import { Ready } from '../parts/ready.tsx'
import { Empty, Title } from '../parts/states.tsx'
import { useAction } from '../state/action.ts'
import { conditionText } from '../state/conditions.ts'
import { readGroups } from '../state/groups.ts'
import { homes, mayOwn, ownHomes } from '../state/homes.ts'
import { everyPage } from '../state/pages.ts'
import { useRead } from '../state/read.ts'
import { scopeText } from '../state/rules.ts'
import { session } from '../state/session.ts'
import { byName } from '../state/sorted.ts'
import { labelOf } from '../state/words.ts'

/** The rules of all my homes. */
export default function Rules() {
  const mayMake = ownHomes().length > 0
  return (
    <>
      <Title text="Rules" />
      <p class="summary">A rule raises an alert by itself when what a device says is as it should not be.</p>
      {mayMake && (
        <p class="back">
          <a class="link-button primary" href="/rules/new">
            Make a rule
          </a>
        </p>
      )}
      <Ready what="Reading rules">
        <RuleList />
      </Ready>
    </>
  )
}

const readRules = async () => {
  const [rules, groups] = await Promise.all([
    everyPage(async query => {
      const { rules: rows, next_cursor } = await session.call('GET /alert-rules', { query })
      return { rows, next_cursor }
    }),
    readGroups(),
  ])
  return { rules, groups }
}

function RuleList() {
  const { value, again, change } = useRead('rules', readRules)
  const show = (rule: Rule) =>
    change(known => ({ ...known, rules: known.rules.map(one => (one.id === rule.id ? rule : one)) }))
  return (
    <Read value={value} again={again}>
      {({ rules, groups }) =>
        rules.length === 0 ? (
          <Empty>There is no rule yet.</Empty>
        ) : (
          homes.value.map(({ id, name }) => (
            <HomeRules
              key={id}
              title={name}
              rules={rules.filter(({ home_id }) => home_id === id)}
              groups={groups}
              show={show}
            />
          ))
        )
      }
    </Read>
  )
}

interface HomeRulesOptions {
  readonly title: string
  readonly rules: readonly Rule[]
  readonly groups: readonly Group[]
  readonly show: (rule: Rule) => void
}

function HomeRules({ title, rules, groups, show }: HomeRulesOptions) {
  if (rules.length === 0) return null
  const names = new Map(groups.map(({ id, name }) => [id, name]))
  const sorted = byName(rules)
  return (
    <section>
      <h2>{title}</h2>
      <ul class="rules">
        {sorted.map(rule => (
          <RuleLine key={rule.id} rule={rule} groups={names} show={show} />
        ))}
      </ul>
    </section>
  )
}

interface RuleLineOptions {
  readonly rule: Rule
  readonly groups: ReadonlyMap<string, string>
  readonly show: (rule: Rule) => void
}

function RuleLine({ rule, groups, show }: RuleLineOptions) {
  const { id, name, enabled, severity, condition } = rule
  const { busy, fault, run } = useAction()
  const turn = (isOn: boolean) =>
    run(async () =>
      show((await session.call('PATCH /alert-rules/{id}', { params: { id }, body: { enabled: isOn } })).rule),
    )
  return (
    <li class={`alert alert-${severity}`}>
      <p class="alert-head">
        <strong class="severity">{labelOf(severity)}</strong>
        <span>{scopeText(rule, groups)}</span>
        {!enabled && <span>Off</span>}
      </p>
      <h3>
        <a href={`/rules/${id}`}>{name}</a>
      </h3>
      <p>{conditionText(condition)}</p>
      {mayOwn(rule.home_id) && (
        <div class="row">
          <CheckField
            label={
              <span>
                On<span class="unseen">: {name}</span>
              </span>
            }
            value={enabled}
            busy={busy}
            change={isOn => void turn(isOn)}
          />
          <Problem fault={fault} />
        </div>
      )}
    </li>
  )
}
