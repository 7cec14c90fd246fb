import type { ComponentChildren } from 'preact'
import { useState } from 'preact/hooks'
import type { Token } from '../../client/routes.js'
import { Confirm } from '../parts/confirm.tsx'
import { ChoiceField, LinesField, TextField } from '../parts/fields.tsx'
import { Form, typed } from '../parts/form.tsx'
import { Nearby, Only } from '../parts/nearby.tsx'
import { Panel, Read } from '../parts/panel.tsx'
import { Empty, Title } from '../parts/states.tsx'
import { Ago, Time } from '../parts/time.tsx'
import { ToldOnce } from '../parts/told-once.tsx'
import { now } from '../state/clock.ts'
import { homes } from '../state/homes.ts'
import { everyPage } from '../state/pages.ts'
import { useRead } from '../state/read.ts'
import { session } from '../state/session.ts'
import { zoneHere } from '../state/words.ts'

/** What programs are let in with, for administrators. */
export default function Tokens() {
  return (
    <>
      <Title text="Service tokens" />
      <Nearby group="people" />
      <Only roles={['admin']}>
        <All />
      </Only>
    </>
  )
}

const readTokens = () =>
  everyPage(async query => {
    const { tokens: rows, next_cursor } = await session.call('GET /tokens', { query })
    return { rows, next_cursor }
  })

function All() {
  const { value, again } = useRead<readonly Token[]>('tokens', readTokens)
  return (
    <>
      <Panel id="tokens" title="Tokens of programs">
        <Read value={value} again={again}>
          {tokens =>
            tokens.length === 0 ? (
              <Empty>No program has a token. One for Home Assistant or Node-RED is made below.</Empty>
            ) : (
              <ul class="lines tokens">
                {sorted(tokens).map(token => (
                  <TokenLine key={token.id} token={token} changed={again} />
                ))}
              </ul>
            )
          }
        </Read>
      </Panel>
      <Panel id="new-token" title="A new token">
        <NewToken made={again} />
      </Panel>
    </>
  )
}

type Standing = 'In force' | 'Revoked' | 'Expired'

function standingOf({ revoked_at, expires_at }: Token): Standing {
  if (revoked_at !== null) return 'Revoked'
  return expires_at !== null && expires_at <= now.value ? 'Expired' : 'In force'
}

/** Those in force first, and of these the newest. */
const sorted = (tokens: readonly Token[]) =>
  tokens.toSorted(
    (a, b) =>
      Number(standingOf(b) === 'In force') - Number(standingOf(a) === 'In force') || b.created_at - a.created_at,
  )

const apis = { none: 'nothing', read: 'read', write: 'read and write' } as const
const apiChoices = [
  ['none', 'do nothing'],
  ['read', 'read what it may hear'],
  ['write', 'read, and write where it may publish'],
] as const

function TokenLine({ token, changed }: { token: Token; changed: () => Promise<void> }) {
  const { id, name, publish, subscribe, api, created_at, expires_at, last_used_at, use_count } = token
  const standing = standingOf(token)
  const revoke = async () => {
    await session.call('DELETE /tokens/{id}', { params: { id } })
    await changed()
  }
  return (
    <li>
      <div>
        <h3>
          {name} <span class={standing === 'In force' ? 'outcome-succeeded' : 'muted'}>{standing}</span>
        </h3>
        <dl class="token-facts">
          <Fact name="Publishes to">{listed(publish)}</Fact>
          <Fact name="Hears">{listed(subscribe)}</Fact>
          <Fact name="Over HTTP">{apis[api]}</Fact>
          <Fact name="Made">
            <Time at={created_at} zone={zoneHere} />
          </Fact>
          <Fact name="Ends">{expires_at === null ? 'never' : <Time at={expires_at} zone={zoneHere} />}</Fact>
          <Fact name="Last used">
            {last_used_at === null ? (
              'never'
            ) : (
              <>
                <Ago at={last_used_at} zone={zoneHere} />, {use_count} times
              </>
            )}
          </Fact>
        </dl>
      </div>
      {standing === 'In force' && (
        <Confirm action="Revoke" about={name} title={`Revoke the token ${name}?`} run={revoke}>
          The program that has it is cut off at once, and it cannot be taken back.
        </Confirm>
      )}
    </li>
  )
}

function Fact({ name, children }: { name: string; children: ComponentChildren }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  )
}

const listed = (filters: readonly string[]) =>
  filters.length === 0 ? 'nothing' : filters.map(filter => <code key={filter}>{filter} </code>)

const day_ms = 86_400_000
const terms = [
  ['0', 'Never'],
  ['30', 'In 30 days'],
  ['90', 'In 90 days'],
  ['365', 'In a year'],
] as const

const linesOf = (text: string) =>
  text
    .split('\n')
    .map(line => line.trim())
    .filter(line => line !== '')

function bodyOf(given: FormData) {
  const days = Number(typed(given, 'days'))
  return {
    name: typed(given, 'name'),
    publish: linesOf(typed(given, 'publish')),
    subscribe: linesOf(typed(given, 'subscribe')),
    api: apiChoices.find(([api]) => api === given.get('api'))?.[0] ?? 'none',
    expires_at: days === 0 ? null : Date.now() + days * day_ms,
  }
}

function NewToken({ made }: { made: () => Promise<void> }) {
  const [told, tell] = useState<{ readonly name: string; readonly secret: string } | null>(null)
  const everything = `homes/${homes.value[0]?.id ?? 'home'}/#`
  const make = async (given: FormData) => {
    tell(null)
    const { token, secret } = await session.call('POST /tokens', { body: bodyOf(given) })
    tell({ name: token.name, secret })
    await made()
  }
  return (
    <>
      <Form label="A new token" layout="fields" action="Make the token" isPrimary send={make}>
        <TextField label="Name of the program" name="name" required />
        <ChoiceField label="Over HTTP it may" name="api" choices={apiChoices} />
        <ChoiceField label="It ends" name="days" choices={terms} />
        <LinesField label="Hears these topic filters, one a line" name="subscribe" rows={3} value={everything} isCode />
        <LinesField label="Publishes to these topic filters, one a line" name="publish" rows={3} isCode />
      </Form>
      <ToldOnce label={`Secret of ${told?.name ?? ''}`} secret={told?.secret ?? null} />
    </>
  )
}
