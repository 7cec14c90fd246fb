import { describe, expect, test } from 'vitest'
import {
  deviceTopic,
  homeCommandsTopic,
  homeOf,
  idPattern,
  inbound,
  inboundKind,
  isDeviceTopic,
  isPlainFilter,
  matches,
  mountedTopic,
  ownTopic,
} from '../src/topics.js'

const maxLevels = 16
const levels = (count: number) => Array(count).fill('a').join('/')

describe('ids', () => {
  test.each(['a', '0', 'dev-1', 'dev_1', '__proto__', 'constructor', 'x'.repeat(64)])('%s is one', id =>
    expect(idPattern.test(id)).toBe(true),
  )

  test.each(['', 'A', 'dév', 'a b', 'a/b', 'a+', '#', 'a.b', 'a\n', '\na', 'a\u0000', 'x'.repeat(65)])(
    '%j is none',
    id => expect(idPattern.test(id)).toBe(false),
  )
})

describe('what a device may name', () => {
  test.each([
    'devices/dev1/telemetry',
    'devices/dev1/commands/result',
    'devices/dev1/alert/water.leak:2',
    'a',
    '__proto__/constructor/toString',
    levels(maxLevels),
    `a/${'x'.repeat(64)}`,
  ])('%s is a topic', topic => expect(isDeviceTopic(topic)).toBe(true))

  test.each([
    '',
    '/',
    'a//b',
    '/a',
    'a/',
    'a b',
    'a\nb',
    'a\u0000b',
    'a[b',
    'a]b',
    'a?b',
    'a*b',
    'é',
    '\ufffd',
    '$SYS',
    '$share/g/a',
    'a+',
    'a#',
    '+',
    '#',
    'a/+/b',
    'a/#',
    levels(maxLevels + 1),
    levels(101),
    `a/${'x'.repeat(65)}`,
    'x'.repeat(65_535),
  ])('%j is none', topic => expect(isDeviceTopic(topic)).toBe(false))

  test.each(['+', '#', 'a/+/b', 'a/#', '+/+/#', 'devices/dev1/#'])('%s is a filter', filter =>
    expect(isDeviceTopic(filter, true)).toBe(true),
  )

  test.each(['a/#/b', '#/a', 'a#', 'a+', '++', '##', 'a/+b', '$share/g/+', `+/${levels(maxLevels)}`])(
    '%s is no filter',
    filter => expect(isDeviceTopic(filter, true)).toBe(false),
  )
})

test('a device’s own topic is what lies below its own prefix, and no other’s', () => {
  expect(ownTopic('dev1', 'devices/dev1/telemetry')).toBe('telemetry')
  expect(ownTopic('dev1', 'devices/dev1/commands/result')).toBe('commands/result')
  const foreign = [
    'devices/dev10/telemetry',
    'devices/dev/telemetry',
    'homes/h/devices/dev1/telemetry',
    '/devices/dev1/x',
  ]
  for (const topic of [...foreign, 'devices/dev1', 'devices/dev1/', 'devices/DEV1/x', 'devices/+/x', '#', '']) {
    expect(ownTopic('dev1', topic)).toBeNull()
  }
})

describe('what the rest of a topic stands for', () => {
  test.each(inbound.filter(kind => kind !== 'alert'))('%s is a kind of its own', kind =>
    expect(inboundKind(kind)).toEqual({ kind }),
  )

  test('an alert has a key', () => {
    expect(inboundKind('alert/leak')).toEqual({ kind: 'alert', key: 'leak' })
    expect(inboundKind('alert/__proto__')).toEqual({ kind: 'alert', key: '__proto__' })
  })

  test.each([
    '',
    'alert',
    'alert/',
    'alert/a/b',
    'alerts/a',
    'telemetry/',
    'Telemetry',
    'commands',
    'desired',
    'presence',
    'errors',
    'time',
    '__proto__',
    'constructor',
    'toString',
  ])('%j stands for nothing', rest => expect(inboundKind(rest)).toBeNull())
})

test('topics are spelled as the contract spells them', () => {
  expect(deviceTopic('dev1', 'telemetry')).toBe('devices/dev1/telemetry')
  expect(mountedTopic('h1', 'dev1', 'alert/leak')).toBe('homes/h1/devices/dev1/alert/leak')
  expect(homeCommandsTopic('h1')).toBe('homes/h1/commands')
})

test.each([
  ['homes/h1/devices/d/telemetry', 'h1'],
  ['homes/h1/#', 'h1'],
  ['homes/h1/', 'h1'],
  ['homes/h1', null],
  ['homes/+/x', null],
  ['homes/#', null],
  ['homes//x', null],
  ['homes/H1/x', null],
  ['devices/h1/x', null],
  ['/homes/h1/x', null],
  ['#', null],
  ['', null],
])('the home that %j names for certain is %j', (filter, home) => expect(homeOf(filter)).toBe(home))

describe('a filter for people', () => {
  test.each(['#', '+', 'homes/h1/#', 'a b', 'é', '🌡', 'a[b', 'a?b', '$SYS/#', levels(maxLevels)])(
    '%s is plain',
    filter => expect(isPlainFilter(filter)).toBe(true),
  )

  test.each([
    '',
    'a\nb',
    'a\u0000b',
    'a\u007fb',
    'a\u0085b',
    'a\ufffdb',
    'a\ud800b',
    levels(maxLevels + 1),
    levels(101),
    'x'.repeat(1025),
  ])('%j is not', filter => expect(isPlainFilter(filter)).toBe(false))
})

test.each([
  ['a/b', 'a/b', true],
  ['a/b', 'a/c', false],
  ['a/b', 'a/b/c', false],
  ['a/b/c', 'a/b', false],
  ['a/+', 'a/b', true],
  ['a/+', 'a/', true],
  ['a/+', 'a', false],
  ['a/+', 'a/b/c', false],
  ['+/+', '/a', true],
  ['/+', '/a', true],
  ['+', '/a', false],
  ['a/#', 'a/b/c', true],
  ['a/#', 'a', true],
  ['a/#', 'ab', false],
  ['#', 'a/b/c', true],
  ['#', '/', true],
  ['+/b/#', 'a/b', true],
  ['#', '$SYS/x', false],
  ['+/x', '$SYS/x', false],
  ['$SYS/#', '$SYS/x', true],
  ['$SYS/+', '$SYS/x', true],
  ['a/+/c', 'a/__proto__/c', true],
  ['constructor', 'constructor', true],
])('the filter %s and the topic %s match: %j [MQTT-4.7.1]', (filter, topic, expected) =>
  expect(matches(filter, topic)).toBe(expected),
)
