import { deviceName } from './names.ts'
import { person, session } from './session.ts'
import { labelOf } from './words.ts'

/** The names of a home's people, by their ids. @throws HubError, as the hub gives it */
export async function readNames(home_id: string): Promise<ReadonlyMap<string, string>> {
  const { members } = await session.call('GET /homes/{id}/members', { params: { id: home_id } })
  return new Map(members.map(({ user_id, username }) => [user_id, username]))
}

/** Who did something, from `person/abc`. */
export function actorText(actor: string, names: ReadonlyMap<string, string>): string {
  const [kind = '', ...rest] = actor.split('/')
  const id = rest.join('/')
  if (kind === 'person') return id === person.value?.id ? 'You' : (names.get(id) ?? 'Somebody')
  if (kind === 'device') return deviceName(id)
  if (kind === 'rule' || kind === 'policy') return `The ${kind}`
  return id === '' ? labelOf(kind) : `${labelOf(kind)} ${labelOf(id)}`
}
