import type { Group } from '../../client/routes.js'
import { ownHomes, severities } from '../state/homes.ts'
import { everyNight } from '../state/hours.ts'
import { choicesOf, labelled, sortedDevices } from '../state/names.ts'
import { devicesOf, type RuleDraft } from '../state/rules.ts'
import { GroupFields } from './condition-fields.tsx'
import { CheckField, ChoiceField, NumberField, TextField } from './fields.tsx'
import { HoursFields } from './hours-fields.tsx'

interface RuleFieldsOptions {
  readonly draft: RuleDraft
  readonly change: (part: Partial<RuleDraft>) => void
}

const words = '{device}, {device_id}, {rule}, {field}, {value} and {reason}'

/** Everything of a rule but what it applies to. */
export function RuleFields({ draft, change }: RuleFieldsOptions) {
  const { hours } = draft
  const readings = new Set(devicesOf(draft).flatMap(({ latest }) => Object.keys(latest.value)))
  return (
    <>
      <div class="inputs">
        <TextField label="Name" value={draft.name} required change={name => change({ name })} />
        <ChoiceField
          label="Severity"
          value={draft.severity}
          choices={labelled(severities)}
          change={severity => change({ severity })}
        />
      </div>
      <GroupFields group={draft.root} change={root => change({ root })} readings={[...readings].sort()} />
      <TextField
        label={`Words of the alert (the hub's own when empty; ${words} are filled in)`}
        value={draft.message}
        most={512}
        change={message => change({ message })}
      />
      <CheckField
        label="Only at certain hours, in the home's time"
        value={hours !== null}
        change={isOn => change({ hours: isOn ? everyNight : null })}
      />
      {hours && <HoursFields hours={hours} change={next => change({ hours: next })} />}
      <CheckField
        label="Cleared by itself when it is over"
        value={draft.auto_clear}
        change={auto_clear => change({ auto_clear })}
      />
      <NumberField
        label="How long it must have been over, in seconds"
        value={draft.clear_after_seconds}
        required
        min={0}
        change={clear_after_seconds => change({ clear_after_seconds })}
      />
    </>
  )
}

const scopes = [
  ['home', 'Every device of the home'],
  ['device', 'One device'],
  ['group', 'A group'],
] as const

/** What a new rule applies to. */
export function ScopeFields({ draft, change, groups }: RuleFieldsOptions & { groups: readonly Group[] }) {
  const { home_id, scope } = draft
  const here = sortedDevices().filter(one => one.home_id === home_id)
  const types = new Set(here.map(({ type }) => type))
  const turn = (next: RuleDraft['scope']) =>
    change({ scope: next, device_id: here[0]?.id ?? '', group_id: groups[0]?.id ?? '' })
  return (
    <div class="inputs">
      <ChoiceField
        label="Home"
        value={home_id}
        choices={choicesOf(ownHomes())}
        change={next => change({ home_id: next, scope: 'home' })}
      />
      <ChoiceField
        label="Applies to"
        value={scope}
        choices={scopes.filter(([one]) => one !== 'group' || groups.length > 0)}
        change={turn}
      />
      {scope === 'device' && (
        <ChoiceField
          label="Device"
          value={draft.device_id}
          choices={choicesOf(here)}
          change={device_id => change({ device_id })}
        />
      )}
      {scope === 'group' && (
        <ChoiceField
          label="Group"
          value={draft.group_id}
          choices={choicesOf(groups)}
          change={group_id => change({ group_id })}
        />
      )}
      {scope !== 'device' && (
        <TextField
          label="Only devices of type (any when empty)"
          value={draft.type}
          suggestions={[...types].sort()}
          change={type => change({ type })}
        />
      )}
    </div>
  )
}
