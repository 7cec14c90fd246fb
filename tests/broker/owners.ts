import type { Principal } from '../../src/principal.js'
import type { Db } from '../../src/store/store.js'

const made = { created_at: 0, updated_at: 0 }

/** Makes the rows of who has logged in, when they are not there: a session belongs to somebody. They are written before what is written next. */
export function addOwner(db: Db, principal: Principal): void {
  for (const query of rowsOf(db, principal)) void query.execute()
}

function rowsOf(db: Db, principal: Principal) {
  const { id } = principal
  switch (principal.kind) {
    case 'device': {
      const { home_id } = principal
      const device = { id, home_id, name: id, type: 'test', status: 'active' as const, hello: null, ...made }
      return [
        db
          .insertInto('homes')
          .values({ id: home_id, name: home_id, timezone: 'UTC', ...made })
          .onConflict(conflict => conflict.doNothing()),
        db
          .insertInto('devices')
          .values(device)
          .onConflict(conflict => conflict.column('id').doUpdateSet({ home_id })),
      ]
    }
    case 'person': {
      const { role } = principal
      const person = { id, email: id, username: id, password_hash: '', role, status: 'active' as const, ...made }
      return [
        db
          .insertInto('users')
          .values(person)
          .onConflict(conflict => conflict.doNothing()),
      ]
    }
    case 'service': {
      const { name, api } = principal
      const token = { id, name, api, publish: [], subscribe: [], hash: Buffer.alloc(0), created_by: '', created_at: 0 }
      return [
        db
          .insertInto('service_tokens')
          .values({ ...token, use_count: 0 })
          .onConflict(conflict => conflict.doNothing()),
      ]
    }
    case 'claim':
      return []
  }
}
