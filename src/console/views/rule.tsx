import { useState } from 'preact/hooks'
import { useLocation, useRoute } from 'preact-iso'
import type { Rule } from '../../client/routes.js'
import { Confirm } from '../parts/confirm.tsx'
import { Form } from '../parts/form.tsx'
import { Panel, Read } from '../parts/panel.tsx'
import { Ready } from '../parts/ready.tsx'
import { RuleFields, ScopeFields } from '../parts/rule-fields.tsx'
import { RuleTest } from '../parts/rule-test.tsx'
import { Empty, Title } from '../parts/states.tsx'
import { readGroups } from '../state/groups.ts'
import { mayOwn, ownHomes } from '../state/homes.ts'
import { useRead } from '../state/read.ts'
import { changesOf, draftOf, newRule, type RuleDraft, scopeOf, scopeText } from '../state/rules.ts'
import { session } from '../state/session.ts'

const isNew = (id: string) => id === 'new'

/** One rule, or one that is not made yet: written, tried on what was recorded, kept. */
export default function RuleView() {
  const { params } = useRoute()
  const id = params.id ?? 'new'
  return (
    <>
      <Title text={isNew(id) ? 'A new rule' : 'Rule'} />
      <p class="back">
        <a href="/rules">All rules</a>
      </p>
      <Ready>
        <Found key={id} id={id} />
      </Ready>
    </>
  )
}

function Found({ id }: { id: string }) {
  const { value, again } = useRead(id, async () => {
    const [rule, groups] = await Promise.all([
      isNew(id) ? null : session.call('GET /alert-rules/{id}', { params: { id } }).then(answer => answer.rule),
      readGroups(),
    ])
    return { rule, groups }
  })
  const home = ownHomes()[0]
  if (isNew(id) && !home) return <Empty>Only the owner of a home makes rules for it.</Empty>
  return (
    <Read value={value} again={again}>
      {({ rule, groups }) => (
        <Editor rule={rule} groups={groups} start={rule ? draftOf(rule) : newRule(home?.id ?? '')} />
      )}
    </Read>
  )
}

interface EditorOptions {
  readonly rule: Rule | null
  readonly groups: Awaited<ReturnType<typeof readGroups>>
  readonly start: RuleDraft
}

function Editor({ rule, groups, start }: EditorOptions) {
  const [draft, setDraft] = useState(start)
  const { route } = useLocation()
  const change = (part: Partial<RuleDraft>) => setDraft(before => ({ ...before, ...part }))
  const keep = async () => {
    await save(rule, draft)
    if (!rule) route('/rules')
  }
  const names = new Map(groups.map(({ id, name }) => [id, name]))
  const isMine = mayOwn(draft.home_id)
  const action = rule ? 'Keep the changes' : 'Make the rule'
  const done = 'It is kept, and holds from now on.'
  return (
    <>
      <Form class="panel" action={isMine ? action : null} isPrimary done={done} send={keep} keeps>
        {rule ? <p class="muted">{scopeText(rule, names)}</p> : <ScopeFields {...{ draft, change, groups }} />}
        <fieldset class="bare" disabled={!isMine}>
          <legend class="unseen">The rule</legend>
          <RuleFields draft={draft} change={change} />
        </fieldset>
      </Form>
      <RuleTest draft={draft} />
      {rule && isMine && <Removal rule={rule} />}
    </>
  )
}

async function save(rule: Rule | null, draft: RuleDraft): Promise<void> {
  const body = changesOf(draft)
  if (rule) await session.call('PATCH /alert-rules/{id}', { params: { id: rule.id }, body })
  else await session.call('POST /alert-rules', { body: { ...body, ...scopeOf(draft) } })
}

function Removal({ rule: { id, name } }: { rule: Rule }) {
  const { route } = useLocation()
  const remove = async () => {
    await session.call('DELETE /alert-rules/{id}', { params: { id } })
    route('/rules')
  }
  return (
    <Panel id="removal" title="Delete">
      <Confirm action="Delete the rule" about={name} title={`Delete ${name}?`} run={remove}>
        Alerts that it has raised and that are open are cleared.
      </Confirm>
    </Panel>
  )
}
