import { useEffect } from 'preact/hooks'
import { ErrorBoundary, LocationProvider, lazy, Route, Router } from 'preact-iso'
import { Banner } from './parts/banner.tsx'
import { Header } from './parts/header.tsx'
import { openHomes } from './state/homes.ts'
import { person } from './state/session.ts'
import { NotFound } from './views/not-found.tsx'
import { Overview } from './views/overview.tsx'
import { SignIn } from './views/sign-in.tsx'

const Device = lazy(() => import('./views/device.tsx').then(view => view.DeviceView))
const Alerts = lazy(() => import('./views/alerts.tsx').then(view => view.Alerts))

export function App() {
  return person.value === null ? <SignIn /> : <SignedIn key={person.value.id} />
}

function SignedIn() {
  useEffect(openHomes, [])
  return (
    <LocationProvider>
      <a class="skip" href="#content">
        To the content
      </a>
      <Header />
      <Banner />
      <main id="content">
        <ErrorBoundary onError={reportError}>
          <Router onRouteChange={focusHeading}>
            <Route path="/" component={Overview} />
            <Route path="/devices/:id" component={Device} />
            <Route path="/alerts" component={Alerts} />
            <Route default component={NotFound} />
          </Router>
        </ErrorBoundary>
      </main>
    </LocationProvider>
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
    scrollTo(0, 0)
  }
  observer.observe(document.body, { childList: true, subtree: true })
  setTimeout(focus, 0)
  setTimeout(() => observer.disconnect(), 3000)
}
