import type { Home, Member } from '../../client/routes.js'
import { homeRoles } from '../../principal.ts'
import { labelled } from '../state/names.ts'
import { useRead } from '../state/read.ts'
import { person, session } from '../state/session.ts'
import { labelOf } from '../state/words.ts'
import { ChooseRole } from './choose-role.tsx'
import { Confirm } from './confirm.tsx'
import { ChoiceField, TextField } from './fields.tsx'
import { Form, typed } from './form.tsx'
import { Panel, Read } from './panel.tsx'
import { Empty } from './states.tsx'
import { Time } from './time.tsx'

/** Who belongs to a home, and as what; its owners change that, and everybody may leave. */
export function MembersPanel({ home }: { home: Home }) {
  const { id } = home
  const { value, again } = useRead(
    id,
    async () => (await session.call('GET /homes/{id}/members', { params: { id } })).members,
  )
  return (
    <Panel id="members" title={`Members of ${home.name}`}>
      <Read value={value} again={again}>
        {members => {
          const mayOwn =
            person.value?.role === 'admin' ||
            members.some(({ user_id, role }) => user_id === person.value?.id && role === 'owner')
          return (
            <>
              {members.length === 0 && <Empty>Nobody belongs to this home.</Empty>}
              <ul class="lines people">
                {members.map(member => (
                  <MemberLine key={member.user_id} home={home} member={member} mayOwn={mayOwn} changed={again} />
                ))}
              </ul>
              {mayOwn && <NewMember home={home} made={again} />}
            </>
          )
        }}
      </Read>
      <p class="muted">Owners change what there is; technicians and members see it and give commands.</p>
    </Panel>
  )
}

interface MemberOptions {
  readonly home: Home
  readonly member: Member
  readonly mayOwn: boolean
  readonly changed: () => Promise<void>
}

function MemberLine({ home, member: { user_id, username, role, created_at }, mayOwn, changed }: MemberOptions) {
  const params = { id: home.id, user_id }
  const isMe = user_id === person.value?.id
  const save = async (next: typeof role) => {
    await session.call('PUT /homes/{id}/members/{user_id}', { params, body: { role: next } })
    await changed()
  }
  const remove = async () => {
    await session.call('DELETE /homes/{id}/members/{user_id}', { params })
    // All that is shown is of my homes: without this one it is another page.
    if (isMe && person.value?.role === 'user') location.assign('/')
    else await changed()
  }
  return (
    <li>
      <span class="line-name">{username}</span>
      {isMe && <span>That is you</span>}
      <span class="muted">
        {!mayOwn && `${labelOf(role)} `}since <Time at={created_at} zone={home.timezone} />
      </span>
      <div class="row line-end">
        {mayOwn && <ChooseRole about={username} roles={homeRoles} now={role} save={save} />}
        {isMe ? (
          <Confirm action="Leave" about={home.name} title={`Leave ${home.name}?`} run={remove}>
            Only one of its owners can take you in again.
          </Confirm>
        ) : (
          mayOwn && (
            <Confirm action="Remove" about={username} title={`Remove ${username} from ${home.name}?`} run={remove}>
              They see nothing of it any more, at once.
            </Confirm>
          )
        )}
      </div>
    </li>
  )
}

function NewMember({ home, made }: { home: Home; made: () => Promise<void> }) {
  const add = async (given: FormData) => {
    const role = homeRoles.find(one => one === given.get('role')) ?? 'member'
    const body = { login: typed(given, 'login'), role }
    await session.call('POST /homes/{id}/members', { params: { id: home.id }, body })
    await made()
  }
  return (
    <Form label={`Add somebody to ${home.name}`} layout="fields" action="Add to this home" isPrimary send={add}>
      <TextField label="User name or e-mail of somebody with an account" name="login" required most={254} isCode />
      <ChoiceField label="Role" name="role" choices={labelled(homeRoles.toReversed())} />
    </Form>
  )
}
