import { useEffect, useErrorBoundary, useLayoutEffect } from 'preact/hooks'
import { ErrorBoundary, LocationProvider, Route, Router, useLocation } from 'preact-iso'
import { Banner } from './parts/banner.tsx'
import { Header } from './parts/header.tsx'
import { later } from './parts/later.ts'
import { Fault, Title } from './parts/states.tsx'
import { openHomes } from './state/homes.ts'
import { scrollBack } from './state/scroll.ts'
import { person } from './state/session.ts'
import { DeviceView } from './views/device.tsx'
import { NotFound } from './views/not-found.tsx'
import { Overview } from './views/overview.tsx'
import { SignIn } from './views/sign-in.tsx'

// What is not looked at first comes when it is looked at.
const Group = later(() => import('./views/group.tsx'))
const Groups = later(() => import('./views/groups.tsx'))
const HomeView = later(() => import('./views/home.tsx'))
const NewHome = later(() => import('./views/new-home.tsx'))
const NewDevice = later(() => import('./views/new-device.tsx'))
const Account = later(() => import('./views/account.tsx'))
const Audit = later(() => import('./views/audit.tsx'))
const Operations = later(() => import('./views/operations.tsx'))
const People = later(() => import('./views/people.tsx'))
const Quarantine = later(() => import('./views/quarantine.tsx'))
const Tokens = later(() => import('./views/tokens.tsx'))
const Topics = later(() => import('./views/topics.tsx'))
const Alerts = later(() => import('./views/alerts.tsx'))
const AlertView = later(() => import('./views/alert.tsx'))
const Rules = later(() => import('./views/rules.tsx'))
const Contacts = later(() => import('./views/contacts.tsx'))
const Detectors = later(() => import('./views/detectors.tsx'))
const Recordings = later(() => import('./views/recordings.tsx'))
const RuleView = later(() => import('./views/rule.tsx'))
const Settings = later(() => import('./views/settings.tsx'))

export function App() {
  return person.value === null ? <SignIn /> : <SignedIn key={person.value.id} />
}

function SignedIn() {
  // Read at once, and not after the next frame.
  useLayoutEffect(openHomes, [])
  useEffect(focusHeading, [])
  return (
    <LocationProvider>
      <a class="skip" href="#content">
        To the content
      </a>
      <Header />
      <Banner />
      <main id="content" tabIndex={-1}>
        <Views />
      </main>
    </LocationProvider>
  )
}

/** One view, or what went wrong in it, until one goes elsewhere: the rest of the page stays. */
function Views() {
  const { path } = useLocation()
  const [error, again] = useErrorBoundary(error => reportError(error))
  useEffect(() => {
    if (error) again()
  }, [path])
  if (error) {
    return (
      <>
        <Title text="Something went wrong" />
        <Fault error={error} again={again} />
      </>
    )
  }
  return (
    <ErrorBoundary>
      <Router onRouteChange={focusHeading}>
        <Route path="/" component={Overview} />
        <Route path="/add-device" component={NewDevice} />
        <Route path="/add-home" component={NewHome} />
        <Route path="/devices/:id" component={DeviceView} />
        <Route path="/groups" component={Groups} />
        <Route path="/groups/:id" component={Group} />
        <Route path="/homes/:id" component={HomeView} />
        <Route path="/alerts" component={Alerts} />
        <Route path="/people" component={People} />
        <Route path="/account" component={Account} />
        <Route path="/tokens" component={Tokens} />
        <Route path="/quarantine" component={Quarantine} />
        <Route path="/audit" component={Audit} />
        <Route path="/operations" component={Operations} />
        <Route path="/topics" component={Topics} />
        <Route path="/alerts/:id" component={AlertView} />
        <Route path="/rules" component={Rules} />
        <Route path="/rules/:id" component={RuleView} />
        <Route path="/contacts" component={Contacts} />
        <Route path="/recordings" component={Recordings} />
        <Route path="/detectors" component={Detectors} />
        <Route path="/settings" component={Settings} />
        <Route default component={NotFound} />
      </Router>
    </ErrorBoundary>
  )
}

/** Whoever hears the page instead of seeing it is told where they are; a page that is loading has its heading a moment later. */
function focusHeading(): void {
  const observer = new MutationObserver(focus)
  function focus() {
    const heading = document.querySelector<HTMLElement>('main h1')
    if (!heading) return
    observer.disconnect()
    heading.focus({ preventScroll: true })
    scrollBack()
  }
  observer.observe(document.body, { childList: true, subtree: true })
  setTimeout(focus, 0)
  setTimeout(() => observer.disconnect(), 3000)
}
