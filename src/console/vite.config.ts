import { brotliCompressSync, constants, gzipSync } from 'node:zlib'
import { defineConfig, type Plugin } from 'vite'

/** Beside every file that gains by it, the same as Brotli and as gzip: made once, sent as they are. */
const compressed: Plugin = {
  name: 'compressed',
  enforce: 'post',
  generateBundle: {
    order: 'post',
    handler(_, bundle) {
      for (const [fileName, made] of Object.entries(bundle)) {
        const source = made.type === 'chunk' ? made.code : made.source
        const plain = Buffer.from(source)
        if (!/\.(js|css|html|svg)$/.test(fileName) || plain.length < 1024) continue
        const params = { [constants.BROTLI_PARAM_SIZE_HINT]: plain.length }
        this.emitFile({ type: 'asset', fileName: `${fileName}.br`, source: brotliCompressSync(plain, { params }) })
        this.emitFile({ type: 'asset', fileName: `${fileName}.gz`, source: gzipSync(plain, { level: 9 }) })
      }
    },
  },
}

// `vite build src/console`; with `vite src/console` the page is served anew at every change, beside a hub on its usual port.
export default defineConfig({
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: {
    outDir: '../../dist/console',
    emptyOutDir: true,
    target: 'es2022',
    // What is written into addresses as text would need a looser policy.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    chunkSizeWarningLimit: 1000,
    // Where the time of a build went is no warning.
    rolldownOptions: { checks: { pluginTimings: false } },
  },
  plugins: [compressed],
  server: {
    proxy: {
      '/api': 'http://127.0.0.1:8080',
      '/mqtt': { target: 'ws://127.0.0.1:8080', ws: true },
    },
  },
})
