/** Every key of the page: one table for the handler and for the help. Pure. */

/**
 * @typedef {object} Key
 * @property {readonly string[]} keys as in KeyboardEvent.key
 * @property {readonly string[]} shown on the help's key caps
 * @property {string} does
 * @property {string} command
 */

/** @type {readonly Key[]} */
export const KEYS = [
  { keys: ['ArrowLeft'], shown: ['\u2190'], does: 'previous and next token', command: 'previous' },
  { keys: ['ArrowRight'], shown: ['\u2192'], does: 'previous and next token', command: 'next' },
  { keys: ['ArrowUp'], shown: ['\u2191'], does: 'line above and below', command: 'above' },
  { keys: ['ArrowDown'], shown: ['\u2193'], does: 'line above and below', command: 'below' },
  { keys: ['Home'], shown: ['Home'], does: 'first and last token of the line', command: 'line-start' },
  { keys: ['End'], shown: ['End'], does: 'first and last token of the line', command: 'line-end' },
  { keys: ['PageUp'], shown: ['PgUp'], does: 'scroll the code', command: 'page-up' },
  { keys: ['PageDown'], shown: ['PgDn'], does: 'scroll the code', command: 'page-down' },
  { keys: ['j'], shown: ['j'], does: 'next and previous decision', command: 'next-decision' },
  { keys: ['k'], shown: ['k'], does: 'next and previous decision', command: 'previous-decision' },
  { keys: ['n'], shown: ['n'], does: 'next and previous uncertain token', command: 'next-uncertain' },
  { keys: ['p'], shown: ['p'], does: 'next and previous uncertain token', command: 'previous-uncertain' },
  { keys: ['/'], shown: ['/'], does: 'search; Enter and Shift+Enter walk the matches', command: 'search' },
  { keys: ['1', '2', '3', '4', '5', '6', '7', '8'], shown: ['1', '\u2026', '8'], does: 'colour by surprisal, entropy, \u2026', command: 'metric' },
  { keys: [']'], shown: [']'], does: 'next and previous token with other continuations', command: 'next-fork' },
  { keys: ['['], shown: ['['], does: 'next and previous token with other continuations', command: 'previous-fork' },
  { keys: ['b'], shown: ['b'], does: 'another continuation of the selected token', command: 'other-branch' },
  { keys: ['u'], shown: ['u'], does: 'up to the path that the branch left', command: 'up' },
  { keys: ['c'], shown: ['c'], does: 'compare the branch with the main path', command: 'diff' },
  { keys: ['v'], shown: ['v'], does: 'view all branches', command: 'tree' },
  { keys: ['f'], shown: ['f'], does: 'next and previous file of scored code', command: 'next-file' },
  { keys: ['F'], shown: ['F'], does: 'next and previous file of scored code', command: 'previous-file' },
  { keys: ['+'], shown: ['+'], does: 'changed lines alone', command: 'changed' },
  { keys: ['l'], shown: ['l'], does: 'show what each layer would have said', command: 'lens' },
  { keys: ['a'], shown: ['a'], does: 'show where the token looked: attention', command: 'attention' },
  { keys: ['x'], shown: ['x'], does: 'view attention between lines', command: 'matrix' },
  { keys: ['s'], shown: ['s'], does: 'view the structure: syntax and its numbers', command: 'structure' },
  { keys: ['d'], shown: ['d'], does: 'show what each number means', command: 'explain' },
  { keys: ['y'], shown: ['y'], does: 'copy a link to this view', command: 'copy-link' },
  { keys: ['Y'], shown: ['Y'], does: 'copy the code of the program', command: 'copy-code' },
  { keys: ['i'], shown: ['i'], does: 'images of what is in sight: copy, save', command: 'pictures' },
  { keys: ['t'], shown: ['t'], does: 'theme: as the system, light, dark', command: 'theme' },
  { keys: ['?'], shown: ['?'], does: 'this list', command: 'help' },
  { keys: ['Escape'], shown: ['Esc'], does: 'close, or clear the selection', command: 'close' },
];

/** Keys that scroll or edit elsewhere: they are ours only while the code or nothing has the focus. */
const SCROLLING = new Set(['ArrowLeft', 'ArrowRight', 'ArrowUp', 'ArrowDown', 'Home', 'End', 'PageUp', 'PageDown']);

/**
 * @param {{ key: string, ctrlKey: boolean, altKey: boolean, metaKey: boolean }} event
 * @param {{ typing: boolean, elsewhere: boolean, off?: boolean }} focus typing: in an input; elsewhere: on a control other than the code;
 *   off: single characters do nothing
 * @returns {string} command, '' for none
 */
export function commandOf(event, focus) {
  if (event.ctrlKey || event.altKey || event.metaKey || focus.typing) return '';
  if (focus.off && event.key.length === 1 && event.key !== '?') return '';
  if (focus.elsewhere && SCROLLING.has(event.key)) return '';
  return KEYS.find(({ keys }) => keys.includes(event.key))?.command ?? '';
}
