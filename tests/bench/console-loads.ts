import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import type { Browser } from 'playwright-core'
import { openPage, signedIn, urlOf } from './console-page.js'
import { type Figure, median, type Options, rounds } from './figures.js'
import { valuesInSample } from './fill.js'
import { type Seen, watchOverview } from './in-page.js'
import { type HubTarget, load, startHub } from './processes.js'

/** A home as most are, and one as large as they come. */
const sizes = { usual: 12, large: 500 }

/** How much a browser that has nothing yet is sent, and how soon it shows the devices and does as it is told. */
export async function firstLoads(browser: Browser, { quick }: Options): Promise<Figure[]> {
  const figures: Figure[] = []
  for (const devices of Object.values(sizes)) {
    const hub = await startHub(devices)
    try {
      // So that every device shows values.
      await load(hub, { devices, values: valuesInSample, per_second: devices, seconds: 2 })
      figures.push(...(await bytesOf(browser, hub, devices)), ...(await timesOf(browser, hub, devices, quick ? 3 : 9)))
    } finally {
      await hub.stop()
    }
  }
  return figures
}

async function bytesOf(browser: Browser, hub: HubTarget, devices: number): Promise<Figure[]> {
  const wire = await openWire(hub.http_port)
  try {
    const figures: Figure[] = []
    const note = 'all that a browser receives over its connections, headers and MQTT included'
    if (devices === sizes.usual) {
      const page = await openPage(browser, urlOf(wire))
      await page.goto('/')
      await page.getByRole('button', { name: 'Sign in' }).waitFor()
      await page.waitForLoadState('networkidle')
      figures.push({ name: 'the page to sign in, first load', value: wire.bytes() / 1000, unit: 'KB', most: 150, note })
      await page.context().close()
    }
    const storage = await signedIn(browser, urlOf(wire))
    const before = wire.bytes()
    const page = await openPage(browser, urlOf(wire), storage)
    await page.addInitScript(watchOverview, devices)
    await page.goto('/')
    await page.evaluate('shown')
    await page.waitForLoadState('networkidle')
    const value = (wire.bytes() - before) / 1000
    await page.context().close()
    // What devices say of themselves grows with them.
    const bar = devices === sizes.usual ? { most: 150 } : {}
    return [...figures, { name: `${devices} devices: the overview, first load`, value, unit: 'KB', ...bar, note }]
  } finally {
    await wire.close()
  }
}

interface Wire {
  /** Where it listens, on this machine. */
  readonly http_port: number
  /** How many the server has sent so far. */
  bytes(): number
  close(): Promise<void>
}

/** Stands before a server and counts what it sends over each connection. */
async function openWire(port: number): Promise<Wire> {
  const sockets: Socket[] = []
  const server = createServer(socket => {
    const behind = connect(port, '127.0.0.1')
    sockets.push(socket)
    socket.pipe(behind).pipe(socket)
    // Whichever side breaks off takes the other one with it.
    for (const [one, other] of [
      [socket, behind],
      [behind, socket],
    ] as const)
      one.on('error', () => other.destroy()).on('close', () => other.destroy())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    http_port: (server.address() as AddressInfo).port,
    bytes: () => sockets.reduce((sum, { bytesWritten }) => sum + bytesWritten, 0),
    close: async () => {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}

async function timesOf(browser: Browser, hub: HubTarget, devices: number, turns: number): Promise<Figure[]> {
  const storage = await signedIn(browser, urlOf(hub))
  const [shown, answered]: [number[], number[]] = [[], []]
  for (let turn = 0; turn < turns; turn++) {
    const page = await openPage(browser, urlOf(hub), storage)
    await page.addInitScript(watchOverview, devices)
    await page.goto('/', { waitUntil: 'commit' })
    const { at, box }: Seen = await page.evaluate('shown')
    await page.mouse.click(box.x + box.width / 2, box.y + box.height / 2)
    shown.push(at)
    answered.push(await page.evaluate('answered'))
    await page.context().close()
  }
  const figure = (name: string, times: readonly number[]) => ({
    name: `${devices} devices: ${name}`,
    value: median(times),
    unit: 'ms',
    note: rounds(times),
  })
  return [
    { ...figure('from nothing to a click that was answered', answered), most: 1000 },
    figure('from nothing to the devices', shown),
  ]
}
