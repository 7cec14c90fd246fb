import { build } from 'rolldown'

/** Packages with native parts, threads or files of their own, and those that are loaded only when they are wanted: they stay where they are. */
const external = [
  /^(better-sqlite3|better-sqlite3-napi|@node-rs\/argon2|onnxruntime-node)$/,
  /^(pino|pino-pretty|pino-roll|@fastify\/swagger|@fastify\/swagger-ui)$/,
  /^(@aws-sdk\/.*|nodemailer|@wasm-audio-decoders\/flac|opus-decoder)$/,
]

// What was compiled becomes few files: to find and read 600 of them took half of a start.
await build({
  input: {
    cli: 'dist/src/cli.js',
    'writer-thread': 'dist/src/store/writer-thread.js',
    'reader-thread': 'dist/src/store/reader-thread.js',
    'telemetry/append': 'dist/src/telemetry/append.js',
    'listen-thread': 'dist/src/audio/listen-thread.js',
  },
  platform: 'node',
  external,
  output: { dir: 'dist/hearth', cleanDir: true, sourcemap: true },
})
