#!/usr/bin/env node
import module from 'node:module'
import { Command, CommanderError } from 'commander'
import { ConfigError } from '../config/config.js'
import { HubError } from './errors.js'
import { version } from './version.js'

// Newer Nodes keep what they have compiled: every start but the first is half a second shorter.
if ('enableCompileCache' in module && typeof module.enableCompileCache === 'function') module.enableCompileCache()

const exit = { done: 0, failure: 1, usage: 2 } as const

const program = new Command('hearth')
  .description('An IoT hub in one process.')
  .version(version)
  .exitOverride()
  .showHelpAfterError('(--help tells more)')
/** Only the one that is asked for is loaded: nobody waits for what the others stand on. All are, for the help. */
const commands: Readonly<Record<string, () => Promise<Command>>> = {
  start: () => import('./cli/start.js').then(({ startCommand }) => startCommand()),
  migrate: () => import('./cli/migrate.js').then(({ migrateCommand }) => migrateCommand()),
  device: () => import('./cli/device.js').then(({ deviceCommand }) => deviceCommand()),
  worker: () => import('./cli/worker.js').then(({ workerCommand }) => workerCommand()),
  send: () => import('./cli/send.js').then(({ sendCommand }) => sendCommand()),
  watch: () => import('./cli/watch.js').then(({ watchCommand }) => watchCommand()),
  simulate: () => import('./cli/simulate.js').then(({ simulateCommand }) => simulateCommand()),
  seed: () => import('./cli/seed.js').then(({ seedCommand }) => seedCommand()),
  user: () => import('./cli/user.js').then(({ userCommand }) => userCommand()),
  audit: () => import('./cli/audit.js').then(({ auditCommand }) => auditCommand()),
  rollups: () => import('./cli/rollups.js').then(({ rollupsCommand }) => rollupsCommand()),
  config: () => import('./cli/config.js').then(({ configCommand }) => configCommand()),
}

const asked = Object.entries(commands).filter(([name]) => name === process.argv[2])
const loaded = await Promise.all((asked.length > 0 ? asked : Object.entries(commands)).map(([, load]) => load()))
for (const command of loaded) program.addCommand(inheriting(command, program))

/** A command and those below it end and complain as the whole program does. */
function inheriting(command: Command, parent: Command): Command {
  command.copyInheritedSettings(parent)
  for (const below of command.commands) inheriting(below as Command, command)
  return command
}

/** Runs one command. Usage faults exit with 2, failures with 1 and one line on standard error; a command may set 1 itself. */
async function main(): Promise<number> {
  try {
    await program.parseAsync()
    return Number(process.exitCode ?? exit.done)
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? exit.done : exit.usage
    process.stderr.write(`${explain(error)}\n`)
    return error instanceof HubError && error.code === 'invalid_request' ? exit.usage : exit.failure
  }
}

function explain(error: unknown): string {
  if (error instanceof HubError) return [`${error.message} (${error.code})`, ...error.details].join('\n  ')
  if (error instanceof ConfigError) return error.message
  if (!(error instanceof Error)) return String(error)
  const { code, syscall, message } = error as NodeJS.ErrnoException
  if (code === 'EADDRINUSE')
    return `${message}. Is a hub running already? Choose other ports (HEARTH_HTTP_PORT, HEARTH_MQTT_PORT), or 0 for any.`
  // The operating system's own errors name what could not be done; a stack adds nothing.
  if (syscall !== undefined) return message
  return error.stack ?? error.message
}

process.exitCode = await main()
