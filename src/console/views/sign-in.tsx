import { useEffect, useRef } from 'preact/hooks'
import { HubError } from '../../errors.ts'
import { Flame } from '../parts/header.tsx'
import { Problem } from '../parts/problem.tsx'
import { Title } from '../parts/states.tsx'
import { useAction } from '../state/action.ts'
import { linkFault, session } from '../state/session.ts'

export function SignIn() {
  const { busy, fault, run } = useAction()
  const first = useRef<HTMLInputElement>(null)
  useEffect(() => first.current?.focus(), [])
  const submit = (event: SubmitEvent) => {
    event.preventDefault()
    const given = new FormData(event.currentTarget as HTMLFormElement)
    linkFault.value = null
    void run(() => session.signIn(String(given.get('login')).trim(), String(given.get('password'))))
  }
  return (
    <main class="sign-in">
      <form class="panel" onSubmit={submit}>
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
        <Problem
          fault={inWords(fault, 'This name and password do not belong together.') ?? inWords(linkFault.value, usedLink)}
        />
        <button type="submit" class="primary" disabled={busy}>
          {busy ? 'Signing in…' : 'Sign in'}
        </button>
      </form>
    </main>
  )
}

const usedLink = 'This link was used already, or is too old. Sign in with your password.'

/** In these words where it says who somebody is not. */
const inWords = (fault: unknown, words: string) =>
  fault instanceof HubError && fault.code === 'unauthorized' ? new Error(words) : fault
