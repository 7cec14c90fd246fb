import { type DestinationStream, type Logger, pino, stdTimeFunctions, transport } from 'pino'

/** Where a secret may stand in what is logged. */
const secrets = [
  'password',
  'api_key',
  'secret',
  'access_token',
  'refresh_token',
  'authorization',
  'admin_password',
  '*.password',
  '*.api_key',
  '*.secret',
  '*.access_token',
  '*.refresh_token',
  'req.headers.authorization',
  'req.headers["x-api-key"]',
  'req.headers.cookie',
]

/**
 * The log: one JSON line an event, secrets masked; readable lines on a terminal; or a file that turns over daily and at 50 MB, of which
 * 7 are kept.
 */
export function createLog({ level, file }: { level: string; file?: string | undefined }): Logger {
  const options = {
    level,
    redact: { paths: secrets, censor: '[redacted]' },
    base: null,
    timestamp: stdTimeFunctions.isoTime,
  }
  return pino(options, destination(file))
}

function destination(file: string | undefined): DestinationStream {
  if (file) {
    const roll = { file, frequency: 'daily', size: '50m', mkdir: true, limit: { count: 7 }, dateFormat: 'yyyy-MM-dd' }
    return transport({ target: 'pino-roll', options: roll })
  }
  if (process.stdout.isTTY) {
    return transport({ target: 'pino-pretty', options: { ignore: 'pid,hostname', translateTime: 'HH:MM:ss.l' } })
  }
  // Whoever reads the log may be slow or stuck; the hub does not wait, and beyond 4 MiB lines are dropped.
  return pino.destination({ dest: 1, sync: false, maxLength: 4 << 20 })
}
