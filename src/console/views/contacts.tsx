import { useState } from 'preact/hooks'
import { ContactForm } from '../parts/contact-form.tsx'
import { ContactLine, SigningSecret } from '../parts/contact-line.tsx'
import { OneHome } from '../parts/one-home.tsx'
import { Panel, Read } from '../parts/panel.tsx'
import { PolicyPanel } from '../parts/policy-panel.tsx'
import { Empty, Title } from '../parts/states.tsx'
import { newContactOf, readContacts } from '../state/contacts.ts'
import { ownHomes } from '../state/homes.ts'
import { useRead } from '../state/read.ts'
import { session } from '../state/session.ts'

/** Whom a home tells of its alerts, and when. */
export default function Contacts() {
  return (
    <>
      <Title text="Contacts" />
      <OneHome of={ownHomes} none="Only the owner of a home says whom it tells.">
        {({ id }) => <HomeContacts key={id} home_id={id} />}
      </OneHome>
    </>
  )
}

function HomeContacts({ home_id }: { home_id: string }) {
  const { value, again, change } = useRead(home_id, () => readContacts(home_id))
  const [made, setMade] = useState<{ readonly name: string; readonly secret: string | null } | null>(null)
  return (
    <Read value={value} again={again}>
      {contacts => (
        <>
          <Panel id="contacts" title="Whom it tells">
            {contacts.length === 0 && <Empty>Nobody yet: alerts are shown here alone.</Empty>}
            <ul class="contacts">
              {contacts.map(contact => (
                <ContactLine
                  key={contact.id}
                  contact={contact}
                  show={changed => change(known => known.map(one => (one.id === changed.id ? changed : one)))}
                  remove={id => change(known => known.filter(one => one.id !== id))}
                />
              ))}
            </ul>
          </Panel>
          <Panel id="new-contact" title="Tell somebody else">
            <SigningSecret name={made?.name ?? ''} secret={made?.secret ?? null} />
            <ContactForm
              contact={null}
              action="Make the contact"
              keep={async draft => {
                const body = newContactOf(home_id, draft)
                const { contact, secret } = await session.call('POST /settings/contacts', { body })
                setMade({ name: contact.name, secret })
                change(known => [...known, contact])
              }}
            />
          </Panel>
          <PolicyPanel home_id={home_id} contacts={contacts} />
        </>
      )}
    </Read>
  )
}
