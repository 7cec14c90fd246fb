import { useId, useState } from 'preact/hooks'
import { snippets } from '../state/snippets.ts'
import { Copy } from './copy.tsx'

/** The port that brokers have by custom, and this one unless it was set up otherwise. */
const usualPort = 1883

/** What to run on a device so that it connects, in the language of one's choice. */
export function Snippets({ id, api_key: key }: { id: string; api_key: string }) {
  const [host, setHost] = useState(location.hostname.replace(/^\[|\]$/g, ''))
  const [port, setPort] = useState(String(usualPort))
  const [chosen, choose] = useState(0)
  const name = useId()
  const text = snippets[chosen]?.text({ host, port: Number(port) || usualPort, id, key }) ?? ''
  return (
    <div class="stack">
      <div class="row">
        <label>
          Address of the hub
          <input value={host} onInput={event => setHost(event.currentTarget.value.trim())} spellcheck={false} />
        </label>
        <label>
          Port for MQTT
          <input
            type="number"
            min={1}
            max={65_535}
            value={port}
            onInput={event => setPort(event.currentTarget.value)}
          />
        </label>
      </div>
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
