/** Names, each with what it is; those that are nothing are left out. */
export function Facts({ facts }: { facts: readonly (readonly [name: string, text: string | null])[] }) {
  return (
    <dl class="facts">
      {facts.map(
        ([name, text]) =>
          text !== null && (
            <div key={name}>
              <dt>{name}</dt>
              <dd>{text}</dd>
            </div>
          ),
      )}
    </dl>
  )
}
