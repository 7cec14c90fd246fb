/** JSON Schema, as far as the OpenAPI document uses it. */
interface Schema {
  readonly type?: string | readonly string[]
  readonly const?: unknown
  readonly enum?: readonly unknown[]
  readonly anyOf?: readonly Schema[]
  readonly oneOf?: readonly Schema[]
  readonly allOf?: readonly Schema[]
  readonly items?: Schema
  readonly properties?: Readonly<Record<string, Schema>>
  readonly required?: readonly string[]
  readonly additionalProperties?: Schema | boolean
}

interface Content {
  readonly content?: Readonly<Record<string, { readonly schema?: Schema }>>
}

interface Operation {
  readonly parameters?: readonly {
    readonly name: string
    readonly in: string
    readonly required?: boolean
    readonly schema?: Schema
  }[]
  readonly requestBody?: Content & { readonly required?: boolean }
  readonly responses?: Readonly<Record<string, Content>>
}

export type Paths = Readonly<Record<string, Readonly<Record<string, Operation>>>>

const head = '/** Every route of the API. Written from the OpenAPI document by tests/client/routes.test.ts with -u. */'

/** The routes below `/api/v1` as TypeScript, one a line: an interface `Routes`, and a type for each thing that several of them speak of. */
export function writeRoutes(paths: Paths): string {
  const names = new Names()
  const lines = Object.entries(paths)
    .filter(([path]) => path.startsWith('/api/v1/'))
    .flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]) => {
        const name = `${method.toUpperCase()} ${path.slice('/api/v1'.length)}`
        return `  '${name}': ${operationText(operation, names)}`
      }),
    )
  return `${head}\nexport interface Routes {\n${lines.join('\n')}\n}\n\n${names.declared()}\n`
}

function operationText({ parameters = [], requestBody, responses = {} }: Operation, names: Names): string {
  const given = ['path', 'query'].flatMap(place => {
    const inside = parameters.filter(one => one.in === place)
    if (inside.length === 0) return []
    const optional = inside.every(({ required }) => !required) ? '?' : ''
    const fields = inside.map(
      one => `${one.name}${one.required ? '' : '?'}: ${place === 'path' ? 'string' : parameterText(one.schema)}`,
    )
    return [`${place === 'path' ? 'params' : 'query'}${optional}: { ${fields.join('; ')} }`]
  })
  const body = requestBody?.content?.['application/json']?.schema
  if (body) given.push(bodyText(names.text(body), requestBody?.required ?? false))
  const answers = Object.entries(responses).filter(([status]) => status.startsWith('2'))
  const texts = answers.map(([, { content }]) => {
    const schema = content?.['application/json']?.schema
    return schema ? names.text(schema) : content ? 'unknown' : 'null'
  })
  return `{ ${[...given, `answer: ${union(texts)}`].join('; ')} }`
}

/** What may be null may as well be left out. */
const bodyText = (text: string, required: boolean) => `body${required && !text.endsWith(' | null') ? '' : '?'}: ${text}`

/** Whatever is written into an address becomes a text there, numbers as well. */
function parameterText(schema: Schema = {}): string {
  if (schema.enum) return union(schema.enum.map(literal))
  return schema.type === 'string' ? 'string | number' : schema.type === 'boolean' ? 'boolean' : 'number'
}

const literal = (value: unknown) => (typeof value === 'string' ? `'${value}'` : String(value))
const union = (texts: readonly string[]) => [...new Set(texts)].join(' | ') || 'null'
const key = (name: string) => (/^[A-Za-z_]\w*$/.test(name) ? name : `'${name}'`)
/** Things with fewer fields are written where they stand. */
const fewest = 4

/** Gives things the name of the field in which they are told: `{"device": …}` and `{"devices": […]}` both hold a `Device`. */
class Names {
  readonly #types = new Map<string, string>()

  text(schema: Schema, field = ''): string {
    if (schema.const !== undefined) return literal(schema.const)
    if (schema.enum) return union(schema.enum.map(literal))
    const choices = schema.anyOf ?? schema.oneOf
    if (choices) return union(choices.map(one => this.text(one, field)))
    if (schema.allOf) return schema.allOf.map(one => this.text(one, field)).join(' & ')
    const types = [schema.type ?? (schema.properties ? 'object' : 'unknown')].flat()
    return union(types.map(type => this.#typeText(type, schema, field)))
  }

  #typeText(type: string, schema: Schema, field: string): string {
    if (type === 'integer' || type === 'number') return 'number'
    if (type === 'array') {
      const text = this.text(schema.items ?? {}, field.replace(/ies$/, 'y').replace(/s$/, ''))
      return `readonly ${text.includes(' ') && !text.startsWith('{') ? `(${text})` : text}[]`
    }
    return type === 'object' ? this.#objectText(schema, field) : type
  }

  #objectText({ properties, required = [], additionalProperties }: Schema, field: string): string {
    if (!properties) {
      const inside = typeof additionalProperties === 'object' ? this.text(additionalProperties, field) : 'unknown'
      return `Readonly<Record<string, ${inside}>>`
    }
    const fields = Object.entries(properties).map(
      ([name, schema]) => `${key(name)}${required.includes(name) ? '' : '?'}: ${this.text(schema, name)}`,
    )
    const text = fields.length === 0 ? 'Readonly<Record<string, never>>' : `{ ${fields.join('; ')} }`
    return field === '' || fields.length < fewest ? text : this.#named(text, field)
  }

  #named(text: string, field: string): string {
    const name = field.replace(/(?:^|_)(\w)/g, (_, letter: string) => letter.toUpperCase())
    const known = this.#types.get(name)
    if (known === undefined) this.#types.set(name, text)
    return known === undefined || known === text ? name : text
  }

  declared = () => [...this.#types].map(([name, text]) => `export type ${name} = ${text}`).join('\n')
}
