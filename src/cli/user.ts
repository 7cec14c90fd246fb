import { Command, Option } from 'commander'
import type { User } from '../people/users.js'
import { connect } from './connection.js'
import { print } from './output.js'

export const userCommand = () => {
  const user = new Command('user').description('make people’s accounts')
  user
    .command('create')
    .description('make an account and show its password, this once')
    .argument('<email>')
    .argument('<username>', 'letters, digits, . _ and -')
    .addOption(new Option('--role <role>').choices(['user', 'staff', 'admin']).default('user'))
    .option('--json', 'as JSON')
    .action(create)
  return user
}

async function create(
  email: string,
  username: string,
  { role, json = false }: { role: string; json?: boolean },
): Promise<void> {
  const { client } = await connect()
  const created = await client.post<{ user: User; password: string }>('/users', { email, username, role })
  print(created, json, () => [`user      ${created.user.id}`, `password  ${created.password}   (shown this once)`])
}
