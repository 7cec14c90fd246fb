type Known = readonly (readonly [name: string, words: RegExp])[]

/** Browsers claim to be those before them as well: whoever says less stands further down. */
const browsers: Known = [
  ['Edge', /\bEdg(?:A|iOS)?\//],
  ['Opera', /\bOPR\//],
  ['Samsung Internet', /\bSamsungBrowser\//],
  ['Firefox', /\b(?:Firefox|FxiOS)\//],
  ['Chrome', /\b(?:HeadlessChrome|Chrome|CriOS)\//],
  ['Safari', /\bSafari\//],
]

const systems: Known = [
  ['iPhone', /\biPhone\b/],
  ['iPad', /\biPad\b/],
  ['Android', /\bAndroid\b/],
  ['Windows', /\bWindows\b/],
  ['macOS', /\bMac OS X\b/],
  ['ChromeOS', /\bCrOS\b/],
  ['Linux', /\bLinux\b/],
]

const nameIn = (known: Known, text: string) => known.find(([, words]) => words.test(text))?.[0]

/** What a program calls itself in `User-Agent`, for people: a browser and where it runs, or the program's own words. */
export function programText(user_agent: string | null): string {
  if (user_agent === null) return 'Unknown program'
  const browser = nameIn(browsers, user_agent)
  if (browser === undefined) return user_agent
  const system = nameIn(systems, user_agent)
  return system === undefined ? browser : `${browser} on ${system}`
}
