/** What a device needs to speak to the hub. */
interface Connection {
  /** A name or an address, IPv6 without brackets. */
  readonly host: string
  readonly port: number
  /** Whether what listens on that port speaks TLS. */
  readonly tls: boolean
  readonly id: string
  readonly key: string
}

interface Snippet {
  readonly name: string
  readonly text: (connection: Connection) => string
}

const topicOf = (id: string) => `devices/${id}/telemetry`
const reading = '{"temperature":21.5}'
const quoted = (text: string) => JSON.stringify(text)
/** A word of a shell's command line. */
const word = (text: string) => (/^[\w.:/-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`)

/** Each whole: what sends a first reading when nothing but a network is filled in. */
export const snippets: readonly Snippet[] = [
  { name: 'mosquitto_pub', text: mosquitto },
  { name: 'Arduino, ESP32', text: arduino },
  { name: 'MicroPython', text: micropython },
  { name: 'mqtt.js', text: mqttJs },
]

function mosquitto({ host, port, tls, id, key }: Connection): string {
  const secure = tls ? ' --tls-use-os-certs' : ''
  return `mosquitto_pub -h ${word(host)} -p ${port}${secure} -i ${id} -u ${id} -P ${key} -q 1 -t ${topicOf(id)} -m '${reading}'`
}

function arduino({ host, port, tls, id, key }: Connection): string {
  const client = tls ? 'WiFiClientSecure' : 'WiFiClient'
  return [
    '#include <WiFi.h>',
    ...(tls ? ['#include <WiFiClientSecure.h>'] : []),
    '#include <PubSubClient.h>',
    '',
    `${client} net;`,
    'PubSubClient mqtt(net);',
    '',
    'void setup() {',
    '  WiFi.begin("name of the network", "its password");',
    '  while (WiFi.status() != WL_CONNECTED) delay(250);',
    ...(tls
      ? ['  // Whoever answers is believed: with net.setCACert(...) only your hub is.', '  net.setInsecure();']
      : []),
    `  mqtt.setServer(${quoted(host)}, ${port});`,
    '}',
    '',
    'void loop() {',
    `  if (!mqtt.connected() && !mqtt.connect(${quoted(id)}, ${quoted(id)}, ${quoted(key)})) {`,
    '    delay(5000);',
    '    return;',
    '  }',
    '  mqtt.loop();',
    '  static unsigned long said = 0;',
    '  if (said != 0 && millis() - said < 10000) return;',
    '  said = millis();',
    '  // PubSubClient publishes at QoS 0: what is lost on the way is not sent again.',
    `  mqtt.publish(${quoted(topicOf(id))}, ${quoted(reading)});`,
    '}',
  ].join('\n')
}

function micropython({ host, port, tls, id, key }: Connection): string {
  const secure = tls ? ', ssl=True' : ''
  return [
    '# On a board that is in the network already. Once before: import mip; mip.install("umqtt.simple")',
    'import json',
    'import time',
    'from umqtt.simple import MQTTClient',
    '',
    `client = MQTTClient(${quoted(id)}, ${quoted(host)}, port=${port}, user=${quoted(id)}, password=${quoted(key)}, keepalive=60${secure})`,
    'client.connect()',
    'while True:',
    `    client.publish(${quoted(topicOf(id))}, json.dumps({"temperature": 21.5}), qos=1)`,
    '    time.sleep(10)',
  ].join('\n')
}

function mqttJs({ host, port, tls, id, key }: Connection): string {
  const url = `${tls ? 'mqtts' : 'mqtt'}://${host.includes(':') ? `[${host}]` : host}:${port}`
  return [
    "import mqtt from 'mqtt'",
    '',
    `const client = await mqtt.connectAsync(${quoted(url)}, {`,
    `  clientId: ${quoted(id)},`,
    `  username: ${quoted(id)},`,
    `  password: ${quoted(key)},`,
    '})',
    `await client.publishAsync(${quoted(topicOf(id))}, JSON.stringify({ temperature: 21.5 }), { qos: 1 })`,
    'await client.endAsync()',
  ].join('\n')
}
