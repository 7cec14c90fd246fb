import { useId, useState } from 'preact/hooks'
import { useRead } from '../state/read.ts'
import { session } from '../state/session.ts'
import { snippets } from '../state/snippets.ts'
import { Copy } from './copy.tsx'
import { CheckField, NumberField, TextField } from './fields.tsx'
import { Read } from './panel.tsx'

interface SnippetsOptions {
  readonly id: string
  readonly api_key: string
}

/** What to run on a device so that it connects, in the language of one's choice. */
export function Snippets(options: SnippetsOptions) {
  const { value, again } = useRead('doors', async () => (await session.call('GET /doors')).doors)
  return (
    <Read value={value} again={again}>
      {doors => <Texts {...options} {...doors} />}
    </Read>
  )
}

interface TextsOptions extends SnippetsOptions {
  readonly mqtt_port: number
  readonly mqtts_port: number | null
}

function Texts({ id, api_key: key, mqtt_port, mqtts_port }: TextsOptions) {
  const [host, setHost] = useState(location.hostname.replace(/^\[|\]$/g, ''))
  const [tls, setTls] = useState(false)
  const usual = tls ? (mqtts_port ?? mqtt_port) : mqtt_port
  const [port, setPort] = useState('')
  const [chosen, choose] = useState(0)
  const name = useId()
  const text = snippets[chosen]?.text({ host, port: Number(port) || usual, tls, id, key }) ?? ''
  const secure = (isSecure: boolean) => {
    setTls(isSecure)
    setPort('')
  }
  return (
    <div class="stack">
      <div class="row">
        <TextField label="Address of the hub" value={host} change={text => setHost(text.trim())} most={253} isCode />
        <NumberField label="Port for MQTT" min={1} max={65_535} value={port || String(usual)} change={setPort} />
      </div>
      {/^(127\.|localhost$|::1$)/.test(host) && (
        <p class="muted">
          Only what runs on the hub’s own machine finds it at {host}. For others start it with{' '}
          <code>HEARTH_HOST=0.0.0.0</code>, and write here which address it has in your network.
        </p>
      )}
      {mqtts_port !== null && <CheckField label="Encrypted (TLS)" value={tls} change={secure} />}
      <fieldset class="choices">
        <legend class="unseen">What the device is made with</legend>
        {snippets.map((snippet, index) => (
          <label key={snippet.name}>
            <input type="radio" name={name} checked={index === chosen} onChange={() => choose(index)} />
            <span>{snippet.name}</span>
          </label>
        ))}
      </fieldset>
      <pre class="snippet">
        <code>{text}</code>
      </pre>
      <Copy key={text} text={text} what="what the device runs" />
    </div>
  )
}
