interface Node<Key, Value> {
  /** By the name of the next level; `+` and `#` are names like any other. */
  readonly next: Map<string, Node<Key, Value>>
  readonly values: Map<Key, Value>
}

const node = <Key, Value>(): Node<Key, Value> => ({ next: new Map(), values: new Map() })

/** Topic filters by their levels, to find those that match a topic without looking at the others. Topics with a `$` are not asked for. */
export class FilterIndex<Key, Value> {
  readonly #root = node<Key, Value>()
  #size = 0

  /** How many filters there are, each counted for each key. */
  get size(): number {
    return this.#size
  }

  set(filter: string, key: Key, value: Value): void {
    let at = this.#root
    for (const level of filter.split('/')) {
      let next = at.next.get(level)
      if (!next) {
        next = node()
        at.next.set(level, next)
      }
      at = next
    }
    if (!at.values.has(key)) this.#size++
    at.values.set(key, value)
  }

  delete(filter: string, key: Key): void {
    const levels = filter.split('/')
    const path = [this.#root]
    for (const level of levels) {
      const next = path.at(-1)?.next.get(level)
      if (!next) return
      path.push(next)
    }
    if (path.at(-1)?.values.delete(key)) this.#size--
    for (let i = levels.length; i > 0; i--) {
      const { next, values } = path[i] ?? this.#root
      if (next.size > 0 || values.size > 0) return
      path[i - 1]?.next.delete(levels[i - 1] ?? '')
    }
  }

  /** Key and value of every filter that matches [MQTT-4.7.1]. */
  match(topic: string): [Key, Value][] {
    if (this.#size === 0) return []
    const found: [Key, Value][] = []
    collect(this.#root, topic.split('/'), 0, found)
    return found
  }
}

function collect<Key, Value>(at: Node<Key, Value>, levels: string[], depth: number, found: [Key, Value][]): void {
  const all = at.next.get('#')
  if (all) found.push(...all.values)
  const level = levels[depth]
  if (level === undefined) {
    found.push(...at.values)
    return
  }
  const plus = at.next.get('+')
  if (plus) collect(plus, levels, depth + 1, found)
  const named = at.next.get(level)
  if (named) collect(named, levels, depth + 1, found)
}
