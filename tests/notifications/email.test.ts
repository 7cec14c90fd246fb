import { expect, test } from 'vitest'
import { until } from '../helper.js'
import { come, startNotifying } from './notifying.js'
import { type Mail, startSmtp, word } from './smtp.js'

const header = ({ body }: Mail, name: string) =>
  new RegExp(`^${name}: (.*(?:\r\n[ \t].*)*)`, 'mi').exec(body)?.[1]?.replaceAll(/\r\n[ \t]/g, ' ')

test('an alert is told by e-mail, under a Message-ID that is the notification’s', async () => {
  const smtp = await startSmtp()
  const { contact, raise, told } = await startNotifying(smtp.env)
  await contact('me', { kind: 'email', address: 'me@example.org' })
  const { id } = await raise({ message: 'Wasser im Keller' })
  const [mail] = (await come(smtp.received, 1)) as readonly Mail[]
  if (!mail) throw new Error('no mail')
  expect([mail.from, mail.to]).toEqual(['hub@example.org', ['me@example.org']])
  const [row] = await told(id)
  expect(header(mail, 'message-id')).toBe(`<${row?.id}@example.org>`)
  expect(header(mail, 'subject')).toBe('[critical] Wasser im Keller')
  expect(header(mail, 'from')).toBe('Hearth <hub@example.org>')
  expect(header(mail, 'auto-submitted')).toBe('auto-generated')
  expect(mail.body).toContain('Where: Home')
})

test('times in a message are those of the clocks in the home', async () => {
  const smtp = await startSmtp()
  const { client, contact, raise } = await startNotifying(smtp.env)
  await client.patch('/homes/home', { timezone: 'Asia/Kolkata' })
  await contact('me', { kind: 'email', address: 'me@example.org' })
  await raise()
  const [mail] = (await come(smtp.received, 1)) as readonly Mail[]
  expect(mail?.body).toMatch(/^Raised: \d{1,2} \w{3,4} \d{4},? .*\d\d:\d\d:\d\d GMT\+5:30\r$/m)
})

test('nothing that is said in an alert becomes a header or another receiver', async () => {
  const smtp = await startSmtp()
  const { contact, raise } = await startNotifying(smtp.env)
  await contact('me', { kind: 'email', address: 'me@example.org' })
  await raise({ message: 'x\r\nBcc: other@example.org\r\n\r\n<b>\u0000\u2028y' })
  const [mail] = (await come(smtp.received, 1)) as readonly Mail[]
  if (!mail) throw new Error('no mail')
  expect(mail.to).toEqual(['me@example.org'])
  expect(mail.body.split('\r\n\r\n')[0]).not.toMatch(/^bcc:/im)
})

test.each([
  'me@example.org, other@example.org',
  'me@example.org\r\nBcc: a@b.c',
  'Me <me@example.org>',
  '<me@example.org>',
])('%j is no address to send to', async address => {
  const smtp = await startSmtp()
  const { contact } = await startNotifying(smtp.env)
  await expect(contact('me', { kind: 'email', address })).rejects.toThrow()
})

test('an address that the server refuses for good is dead at once, and one that it cannot take now is tried again', async () => {
  const codes: Readonly<Record<string, number>> = { 'gone@example.org': 550, 'full@example.org': 452 }
  const smtp = await startSmtp({
    onRcptTo: ({ address }, _, done) =>
      done(codes[address] ? Object.assign(new Error('no'), { responseCode: codes[address] }) : null),
  })
  const { contact, raise, told, hub } = await startNotifying(smtp.env)
  for (const address of Object.keys(codes)) await contact(address, { kind: 'email', address })
  const { id } = await raise()
  const rows = await until(async () => {
    const all = await told(id)
    return all.length === 2 && all.every(({ last_error }) => last_error !== null) ? all : null
  })
  const became = Object.fromEntries(rows.map(row => [row.contact_name, [row.status, row.last_error]]))
  expect(became).toEqual({
    'gone@example.org': ['dead', 'the mail was not taken: 550'],
    'full@example.org': ['pending', 'the mail was not taken: 452'],
  })
  for (const line of hub.logged) expect(line).not.toContain(word)
})

test('without a mail server there are no contacts by e-mail', async () => {
  const { contact } = await startNotifying()
  await expect(contact('me', { kind: 'email', address: 'me@example.org' })).rejects.toThrow('HEARTH_SMTP_URL')
})
