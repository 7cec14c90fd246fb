import type { Page } from 'playwright-core'

export interface Pixels {
  readonly width: number
  readonly height: number
  /** Red, green, blue and opacity of each, row by row. */
  readonly data: Uint8ClampedArray
}

/** What a PNG shows, as the browser of the page sees it. */
export async function pixelsOf(page: Page, png: Buffer): Promise<Pixels> {
  const source = JSON.stringify(`data:image/png;base64,${png.toString('base64')}`)
  const { width, height, bytes } = await page.evaluate<{
    width: number
    height: number
    bytes: string
  }>(`(async () => {
    const image = new Image()
    image.src = ${source}
    await image.decode()
    const canvas = Object.assign(document.createElement('canvas'), { width: image.width, height: image.height })
    const pen = canvas.getContext('2d')
    pen.drawImage(image, 0, 0)
    const { data } = pen.getImageData(0, 0, image.width, image.height)
    let bytes = ''
    for (let at = 0; at < data.length; at += 32768) bytes += String.fromCharCode(...data.subarray(at, at + 32768))
    return { width: image.width, height: image.height, bytes: btoa(bytes) }
  })()`)
  return { width, height, data: Uint8ClampedArray.from(Buffer.from(bytes, 'base64')) }
}
