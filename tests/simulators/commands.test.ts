import { describe, expect, it, vi } from 'vitest'
import { type CommandResult, CommandRunner } from '../../simulators/commands.js'
import type { Model } from '../../simulators/model.js'
import { createLight } from '../../simulators/models/light.js'
import { createThermostat } from '../../simulators/models/thermostat.js'

function runnerOf(model: Model) {
  const results: CommandResult[] = []
  const log: string[] = []
  const changes: (readonly string[])[] = []
  const runner = new CommandRunner({
    model,
    now: Date.now,
    report: result => results.push(result),
    changed: again => changes.push(again ?? []),
    log: message => log.push(message),
  })
  const receive = (command: object | string) =>
    runner.receive(Buffer.from(typeof command === 'string' ? command : JSON.stringify(command)))
  const desire = (desired: object) => runner.desire(Buffer.from(JSON.stringify({ version: 1, desired })))
  return { runner, results, log, changes, receive, desire, statuses: () => results.map(({ status }) => status) }
}

const setTarget = (id: string, target: number) => ({ id, name: 'set_target', params: { target }, attempt: 1 })

describe('commands', () => {
  it('are accepted, run and answered with the result and the state', () => {
    const { receive, results } = runnerOf(createThermostat(1))
    receive(setTarget('a', 25))
    expect(results).toEqual([
      { id: 'a', status: 'accepted' },
      {
        id: 'a',
        status: 'succeeded',
        progress: 100,
        result: { target: 25 },
        state: expect.objectContaining({ target: 25 }),
      },
    ])
  })

  it('that came before are not run again, but answered again', () => {
    const model = createThermostat(1)
    const { receive, results } = runnerOf(model)
    receive(setTarget('a', 25))
    receive(setTarget('b', 18))
    receive(setTarget('a', 25))
    expect(model.state().target).toBe(18)
    expect(results.at(-1)).toEqual(results[1])
  })

  it('are remembered for at least the last hundred ids', () => {
    const { receive, results } = runnerOf(createThermostat(1))
    for (let number = 0; number < 100; number++) receive(setTarget(`id-${number}`, 10 + number / 10))
    const before = results.length
    receive(setTarget('id-0', 30))
    expect(results.slice(before)).toEqual([expect.objectContaining({ id: 'id-0', result: { target: 10 } })])
  })

  it('are rejected when they are expired, unknown or have wrong parameters, and the rejection is repeated', () => {
    const model = createThermostat(1)
    const { target } = model.state()
    const { receive, results } = runnerOf(model)
    receive({ ...setTarget('late', 25), expires_at: Date.now() - 1 })
    receive({ id: 'odd', name: 'constructor', params: {} })
    receive(setTarget('hot', 900))
    receive({ ...setTarget('more', 20), params: { target: 20, brightness: 3 } })
    receive(setTarget('hot', 20))
    expect(results.map(({ id, status, error }) => [id, status, error?.code])).toEqual([
      ['late', 'rejected', 'expired'],
      ['odd', 'rejected', 'unknown_command'],
      ['hot', 'rejected', 'invalid_params'],
      ['more', 'rejected', 'invalid_params'],
      ['hot', 'rejected', 'invalid_params'],
    ])
    expect(model.state().target).toBe(target)
    receive({ id: 'both', name: 'set_target', params: { target: 'warm', brightness: 3 } })
    expect(results.at(-1)?.error?.message).toMatch(/^target: [^\n]+; Unrecognized key: "brightness"$/)
  })

  it('that cannot be read are logged and end nothing', () => {
    const { receive, results, log } = runnerOf(createThermostat(1))
    for (const junk of ['', 'no json', '[]', '{"id":7,"name":"x"}', '{"name":"set_target"}']) receive(junk)
    expect(results).toEqual([])
    expect(log).toHaveLength(5)
  })

  it('tell their progress, and the next one waits its turn', async () => {
    const { receive, results, statuses } = runnerOf(createLight(1))
    receive({ id: 'a', name: 'set_brightness', params: { brightness: 255, transition: 80 } })
    receive({ id: 'b', name: 'set_power', params: { power: 'off', transition: 0 } })
    receive({ id: 'a', name: 'set_brightness', params: { brightness: 255, transition: 80 } })
    expect(statuses()).toEqual(['accepted', 'running', 'accepted', 'running'])
    await vi.waitFor(() => expect(results.at(-1)).toMatchObject({ id: 'b', status: 'succeeded' }))
    expect(results.filter(({ id }) => id === 'a').map(({ progress }) => progress)).toEqual([
      undefined,
      0,
      0,
      25,
      50,
      75,
      100,
    ])
  })

  it('beyond those that can wait are rejected as busy', () => {
    const { receive, results, runner } = runnerOf(createLight(1))
    const slow = (id: string) => ({ id, name: 'toggle', params: { transition: 60_000 } })
    for (let number = 0; number < 20; number++) receive(slow(`id-${number}`))
    runner.stop()
    expect(results.filter(({ error }) => error?.code === 'busy')).toHaveLength(3)
  })
})

describe('desired state', () => {
  it('is brought about, without a result', () => {
    const model = createThermostat(1)
    const { desire, results, changes } = runnerOf(model)
    desire({ target: 24, mode: 'off' })
    expect(model.state()).toMatchObject({ target: 24, mode: 'off' })
    expect(results).toEqual([])
    expect(changes).toHaveLength(2)
  })

  it('that is so already is told again', () => {
    const model = createThermostat(1)
    const { desire, changes } = runnerOf(model)
    desire({ mode: 'heat' })
    expect(changes).toEqual([['mode']])
  })

  it('that the device knows nothing of is logged', () => {
    const { desire, log, runner } = runnerOf(createThermostat(1))
    desire({ colour: 'red', target: 'warm', toString: 'x' })
    runner.desire(Buffer.from('{}'))
    runner.desire(Buffer.from('?'))
    expect(log).toEqual([
      'cannot set colour as desired',
      'cannot set target as desired',
      'cannot set toString as desired',
      'ignored a desired state that cannot be read',
    ])
  })
})
