import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'

export interface Ended {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

export interface Running {
  readonly child: ChildProcess
  /** What it has written to standard output so far. */
  out(): string
  readonly ended: Promise<Ended>
}

/** Starts a program that is installed on this machine. Ends with an error when it is not there: these tests are not skipped. */
export function start(program: string, args: readonly string[], env: Record<string, string> = {}): Running {
  const child = spawn(program, args, { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] })
  let out = ''
  let err = ''
  child.stdout.setEncoding('utf8').on('data', text => {
    out += text
  })
  child.stderr.setEncoding('utf8').on('data', text => {
    err += text
  })
  const ended = once(child, 'close').then(([code]) => ({ code: code as number | null, out, err }))
  return { child, out: () => out, ended }
}

/** The same, to its end. */
export const run = (program: string, args: readonly string[], env: Record<string, string> = {}): Promise<Ended> =>
  start(program, args, env).ended
