import { expect, test } from 'vitest'
import { messageFault, messageOf } from '../../src/rules/message.js'

const said = (message: string) =>
  messageOf({
    rule: { name: 'Hot', message },
    device: { id: 'b1', name: 'Boiler' },
    reason: 't is 9, above 5',
    values: { t: 9 },
  })

test('every word that a rule may use is filled in', () => {
  const message = '{device} {device_id} {rule} {field} {value} {reason} {} { t }'
  expect(messageFault(message)).toBeNull()
  expect(said(message)).toBe('Boiler b1 Hot t 9 t is 9, above 5 {} { t }')
})

test('of a rule that is older a word that stands for nothing stays as it is', () => {
  expect(said('{device}: {vaule}, {toString}')).toBe('Boiler: {vaule}, {toString}')
  expect(messageFault('{device}: {vaule}')).toContain('{vaule} stands for nothing')
  expect(messageFault('{toString}')).not.toBeNull()
})
