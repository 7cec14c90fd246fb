import { useState } from 'preact/hooks'
import { useLocation, useRoute } from 'preact-iso'
import type { Rule } from '../../client/routes.js'
import { AskTwice } from '../parts/ask-twice.tsx'
import { Panel, Read } from '../parts/panel.tsx'
import { Refused } from '../parts/refused.tsx'
import { RuleFields, ScopeFields } from '../parts/rule-fields.tsx'
import { RuleTest } from '../parts/rule-test.tsx'
import { Empty, Fault, Loading, Title } from '../parts/states.tsx'
import { useAction } from '../state/action.ts'
import { readGroups } from '../state/groups.ts'
import { homes, mayOwn, progress } from '../state/homes.ts'
import { useKnown } from '../state/known.ts'
import { changesOf, draftOf, newRule, type RuleDraft, scopeOf, scopeText } from '../state/rules.ts'
import { session } from '../state/session.ts'
import '../styles/alerts.css'

const isNew = (id: string) => id === 'new'

/** One rule, or one that is not made yet: written, tried on what was recorded, kept. */
export default function RuleView() {
  const { params } = useRoute()
  const id = params.id ?? 'new'
  const state = progress.value
  return (
    <>
      <Title text={isNew(id) ? 'A new rule' : 'Rule'} />
      <p class="back">
        <a href="/rules">All rules</a>
      </p>
      {state === 'loading' && <Loading />}
      {state instanceof Error && <Fault error={state} again={() => location.reload()} />}
      {state === 'ready' && <Found key={id} id={id} />}
    </>
  )
}

function Found({ id }: { id: string }) {
  const { value } = useKnown(id, async () => {
    const [rule, groups] = await Promise.all([
      isNew(id) ? null : session.call('GET /alert-rules/{id}', { params: { id } }).then(answer => answer.rule),
      readGroups(),
    ])
    return { rule, groups }
  })
  const home = homes.value.find(one => mayOwn(one.id))
  if (isNew(id) && !home) return <Empty>Only the owner of a home makes rules for it.</Empty>
  return (
    <Read value={value}>
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
  const [said, say] = useState('')
  const { route } = useLocation()
  const { busy, fault, run } = useAction()
  const change = (part: Partial<RuleDraft>) => {
    say('')
    setDraft(before => ({ ...before, ...part }))
  }
  const keep = async (event: SubmitEvent) => {
    event.preventDefault()
    if (await run(() => save(rule, draft))) {
      if (rule) say('It is kept, and holds from now on.')
      else route('/rules')
    }
  }
  const names = new Map(groups.map(({ id, name }) => [id, name]))
  const isMine = mayOwn(draft.home_id)
  return (
    <>
      <form class="panel upright" onSubmit={event => void keep(event)}>
        {rule ? <p class="muted">{scopeText(rule, names)}</p> : <ScopeFields {...{ draft, change, groups }} />}
        <fieldset class="bare" disabled={!isMine}>
          <legend class="unseen">The rule</legend>
          <RuleFields draft={draft} change={change} />
        </fieldset>
        <Refused fault={fault} />
        {isMine && (
          <button type="submit" class="primary" disabled={busy}>
            {rule ? 'Keep the changes' : 'Make the rule'}
          </button>
        )}
        <p role="status">{said}</p>
      </form>
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
  const { busy, fault, run } = useAction()
  const { route } = useLocation()
  const remove = async () => {
    if (await run(() => session.call('DELETE /alert-rules/{id}', { params: { id } }))) route('/rules')
  }
  return (
    <Panel id="removal" title="Delete">
      <Refused fault={fault} />
      <AskTwice
        name="Delete the rule"
        question={`Delete ${name}? Alerts that it has raised and that are open are cleared.`}
        busy={busy}
        act={() => void remove()}
      />
    </Panel>
  )
}
