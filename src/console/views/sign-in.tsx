import { useEffect, useRef, useState } from 'preact/hooks'
import { HubError } from '../../errors.ts'
import { Flame } from '../parts/header.tsx'
import { faultText, Title } from '../parts/states.tsx'
import { linkFault, session } from '../state/session.ts'

export function SignIn() {
  const [fault, setFault] = useState<string | null>(null)
  const [busy, setBusy] = useState(false)
  const first = useRef<HTMLInputElement>(null)
  useEffect(() => first.current?.focus(), [])
  const submit = async (event: SubmitEvent) => {
    event.preventDefault()
    const given = new FormData(event.currentTarget as HTMLFormElement)
    setBusy(true)
    setFault(null)
    linkFault.value = null
    try {
      await session.signIn(String(given.get('login')).trim(), String(given.get('password')))
    } catch (error) {
      setBusy(false)
      setFault(isWrong(error) ? 'This name and password do not belong together.' : faultText(error))
    }
  }
  return (
    <main class="sign-in">
      <form class="panel" onSubmit={event => void submit(event)}>
        <Flame />
        <Title text="Sign in" />
        <label>
          User name or e-mail
          <input ref={first} name="login" autocomplete="username" autocapitalize="none" spellcheck={false} required />
        </label>
        <label>
          Password
          <input name="password" type="password" autocomplete="current-password" required />
        </label>
        <div role="alert" class="problem">
          {fault ?? linkText(linkFault.value)}
        </div>
        <button type="submit" class="primary" disabled={busy}>
          {busy ? 'Signing in…' : 'Sign in'}
        </button>
      </form>
    </main>
  )
}

function linkText(error: unknown): string | null {
  if (error === null) return null
  return isWrong(error) ? 'This link was used already, or is too old. Sign in with your password.' : faultText(error)
}

const isWrong = (error: unknown) => error instanceof HubError && error.code === 'unauthorized'
