/** What the keys do while the screen is on. */

/** What a key asks for. */
export type KeyAction = 'kill' | 'hang' | 'stop-ucc' | 'drain' | 'switchover' | 'repair' | 'tour' | 'quit'

/** Every key: what it is called on the screen, and what it does. */
export const KEYS: readonly {
  readonly key: string
  readonly action: KeyAction
  readonly label: string
  readonly what: string
}[] = [
  { key: 'k', action: 'kill', label: 'kill', what: 'kill the active server (SIGKILL)' },
  { key: 'h', action: 'hang', label: 'hang/unhang', what: 'hang the active server (SIGSTOP); again: let it go on' },
  { key: 'u', action: 'stop-ucc', label: 'stop UCC', what: 'stop only the UCC of the active server' },
  { key: 'd', action: 'drain', label: 'drain', what: 'drain the active server: its clients are asked to leave' },
  { key: 's', action: 'switchover', label: 'switchover', what: 'both clients move to the other server, by hand' },
  { key: 'r', action: 'repair', label: 'repair', what: 'repair everything that is broken' },
  { key: 't', action: 'tour', label: 'tour', what: 'play the tour, or end it' },
  { key: 'q', action: 'quit', label: 'quit', what: 'quit' },
]

/** What typed characters ask for, in order; other keys (arrows and the like) ask for nothing. */
export function actionsOf(typed: string): readonly (KeyAction | 'interrupt')[] {
  // Escape sequences hold letters that nobody typed as such.
  // eslint-disable-next-line no-control-regex
  const plain = typed.replace(/\x1b(\[[0-9;?]*[ -/]*[@-~]|O.|.)?/g, '')
  return [...plain].flatMap((character): (KeyAction | 'interrupt')[] => {
    // In raw mode Ctrl+C is a character like any other.
    if (character === '\x03') return ['interrupt']
    const found = KEYS.find(({ key }) => key === character.toLowerCase())
    return found === undefined ? [] : [found.action]
  })
}
