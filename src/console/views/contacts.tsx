import { useState } from 'preact/hooks'
import { ContactForm } from '../parts/contact-form.tsx'
import { ContactLine, Secret } from '../parts/contact-line.tsx'
import { OwnHome } from '../parts/own-home.tsx'
import { Panel, Read } from '../parts/panel.tsx'
import { PolicyPanel } from '../parts/policy-panel.tsx'
import { Empty, Title } from '../parts/states.tsx'
import { newContactOf, readContacts } from '../state/contacts.ts'
import { useKnown } from '../state/known.ts'
import { session } from '../state/session.ts'
import '../styles/alerts.css'

/** Whom a home tells of its alerts, and when. */
export default function Contacts() {
  return (
    <>
      <Title text="Contacts" />
      <OwnHome none="Only the owner of a home says whom it tells.">
        {id => <HomeContacts key={id} home_id={id} />}
      </OwnHome>
    </>
  )
}

function HomeContacts({ home_id }: { home_id: string }) {
  const { value, change } = useKnown(home_id, () => readContacts(home_id))
  const [secret, setSecret] = useState<string | null>(null)
  return (
    <Read value={value}>
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
            {secret !== null && <Secret secret={secret} />}
            <ContactForm
              contact={null}
              action="Make the contact"
              keep={async draft => {
                const made = await session.call('POST /settings/contacts', { body: newContactOf(home_id, draft) })
                setSecret(made.secret)
                change(known => [...known, made.contact])
              }}
            />
          </Panel>
          <PolicyPanel home_id={home_id} contacts={contacts} />
        </>
      )}
    </Read>
  )
}
