import { Command } from 'commander'
import { type Config, loadConfig } from '../../config/config.js'
import type { Hub } from '../hub.js'
import { createLog } from '../log.js'

export const startCommand = () =>
  new Command('start')
    .description('run the hub until it is told to stop')
    .option('--demo', 'with a home of simulated devices')
    .action(({ demo = false }: { demo?: boolean }) => start(demo))

/** A second signal, or 10 s, end a shutdown that does not end. */
const shutdownMs = 10_000

async function start(demo: boolean): Promise<void> {
  const config = loadConfig()
  const log = createLog({ level: config.log_level, file: config.log_file })
  process.on('unhandledRejection', err => {
    log.fatal({ err }, 'a promise was rejected and nobody looked; the hub stops')
    process.exit(1)
  })
  const stopped = untilStopped()
  // Loaded here, so that the other commands do not wait for all that a hub is made of; and most of it while the threads of the store start.
  const { openData } = await import('../data.js')
  const opening = openData(config, log)
  const [{ createHub }] = await Promise.all([import('../hub.js'), opening])
  const hub = await createHub(config, log, opening)
  greet(config, hub)
  log.info({ ...hub.ports, host: config.host, ms: Math.round(process.uptime() * 1000) }, 'hearth is ready')
  const home = demo ? (await import('./demo.js')).startDemo(config, hub) : null
  await Promise.race([stopped, home?.ready.then(() => stopped) ?? stopped])
  log.info('hearth is stopping')
  const impatient = setTimeout(() => process.exit(1), shutdownMs)
  await home?.stop()
  await hub.close()
  clearTimeout(impatient)
  log.info('hearth has stopped')
}

function untilStopped(): Promise<void> {
  return new Promise(resolve => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      process.once(signal, () => {
        process.once(signal, () => process.exit(1))
        resolve()
      })
    }
  })
}

/** What a person needs to begin. The administrator's password is told here once and kept nowhere. */
function greet({ host }: Config, { ports, administrator }: Hub): void {
  const lines = [
    `Hearth is ready.`,
    `  HTTP  http://${host}:${ports.http}/  and its API at  /docs`,
    `  MQTT  mqtt://${host}:${ports.mqtt}${ports.mqtts ? `  and  mqtts://${host}:${ports.mqtts}` : ''}  and  ws://${host}:${ports.http}/mqtt`,
  ]
  if (administrator) {
    lines.push(`  Administrator  ${administrator.email}  password  ${administrator.password}`)
    lines.push('  (shown this once: write it down)')
  }
  process.stderr.write(`${lines.join('\n')}\n`)
}
