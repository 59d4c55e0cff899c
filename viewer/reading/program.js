/** The program in what a path spells: where it ends, and its code as text. Pure. */

import { MAIN } from '#viewer/reading/branches';
import { inFileOrder } from '#viewer/reading/layout';
import { ORIGIN } from '#viewer/trace/schema';

const EXACT = new TextDecoder('utf-8', { ignoreBOM: true });
const NEWLINE = 10;
const ALL = 2 ** 32 - 1; // nothing was written behind the program

/**
 * Which tokens, on which of their lines, were written behind the program of a path; null where none was.
 * `last` is the last token of the program, -1 for none.
 * @typedef {{ last: number, holds: (node: number, line: number) => boolean }} Behind
 */

/**
 * @param {import('#viewer/trace/trace').Trace} trace @param {import('#viewer/reading/layout').Layout} layout
 * @param {number} branch whose path it is, -1 for the main path
 * @returns {Behind | null}
 */
export function behindOf(trace, layout, branch) {
  const kept = branch === MAIN ? trace.run['program']?.kept : trace.outcomes.kept[branch];
  if (typeof kept !== 'number' || kept >= ALL) return null;
  /** @type {Map<number, number>} bytes of each that are of the program, fewer than it has */
  const cut = new Map();
  let [at, last] = [0, -1];
  for (const [place, node] of layout.order.entries()) {
    const size = isShown(trace, layout, place) ? trace.bytesOf(node).length : 0;
    const isWritten = trace.nodes.origin[node] !== ORIGIN.prompt;
    if (isWritten && at + size > kept) cut.set(node, Math.max(0, kept - at));
    else if (isWritten && cut.size === 0) last = node;
    at += size;
  }
  if (cut.size === 0) return null;
  return {
    last,
    holds(node, line) {
      const own = cut.get(node);
      return own !== undefined && own <= beginOn(trace.bytesOf(node), line - (layout.lineOf[layout.placeOf[node] ?? 0] ?? 0));
    },
  };
}

/**
 * Whether a token at a place is text, no control token.
 * @param {import('#viewer/trace/trace').Trace} trace @param {import('#viewer/reading/layout').Layout} layout @param {number} place
 */
function isShown(trace, layout, place) {
  const node = layout.order[place] ?? -1;
  return layout.lines[layout.lineOf[place] ?? 0]?.find((cell) => cell.node === node)?.kind !== 'chip' && !trace.isSpecial(node);
}

/** The byte of a token at which its part on one of its lines begins. @param {Uint8Array} bytes @param {number} line from 0 */
function beginOn(bytes, line) {
  let byte = 0;
  for (let i = 0; i < line; i++) byte = bytes.indexOf(NEWLINE, byte) + 1 || bytes.length;
  return byte;
}

/**
 * The code of the recording's program: stretches `first-end` of bytes of what the main path spells, in the order of the file.
 * @param {import('#viewer/trace/trace').Trace} trace @param {string} stretches
 */
export function codeOf(trace, stretches) {
  const path = trace.path(/** @type {number} */ (trace.run['main_leaf']));
  const parts = inFileOrder(trace, path).filter(({ kind }) => kind !== 'chip').map(({ node }) => trace.bytesOf(node));
  const whole = new Uint8Array(parts.reduce((size, { length }) => size + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return stretches.split(' ').map((stretch) => {
    const [first, end] = stretch.split('-').map(Number);
    return EXACT.decode(whole.subarray(first, end));
  }).join('');
}
