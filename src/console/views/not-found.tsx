import { Title } from '../parts/states.tsx'

export function NotFound() {
  return (
    <>
      <Title text="There is nothing here" />
      <p>
        <a href="/">To your homes</a>
      </p>
    </>
  )
}
