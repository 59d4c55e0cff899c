/** One token in words: for the panel, the tooltip and the screen reader alike. Pure. */

import { count, hexBytes } from '#viewer/reading/format';
import { pieces, piecesOfToken, spoken, visible } from '#viewer/reading/text';
import { ORIGIN } from '#viewer/trace/schema';

/** @type {Record<number, string>} */
const ORIGINS = { [ORIGIN.prompt]: 'prompt', [ORIGIN.main]: 'output', [ORIGIN.branch]: 'branch output', [ORIGIN.scored]: 'scored' };

/**
 * @typedef {object} Description
 * @property {{ text: string, sign: boolean }[]} parts
 * @property {string} spoken
 * @property {string} origin
 * @property {number} line counted from 1
 * @property {number} column counted from 1, in characters
 * @property {string} position such as `12 of 118`
 * @property {number} id
 * @property {string} bytes such as `2 bytes e3 81`
 * @property {string} remark what is odd about the token, '' for nothing
 */

/** @param {import('#viewer/trace/trace').Trace} trace @param {import('#viewer/reading/layout').Layout} layout @param {number} node @returns {Description} */
export function describe(trace, layout, node) {
  const bytes = trace.bytesOf(node);
  const list = piecesOfToken(bytes);
  const place = layout.placeOf[node] ?? 0;
  const origin = trace.nodes.origin[node] ?? 0;
  return {
    parts: visible(list),
    spoken: spoken(list),
    origin: ORIGINS[origin] ?? 'token',
    line: (layout.lineOf[place] ?? 0) + 1,
    column: (layout.columnOf[place] ?? 0) + 1,
    position: ordinal(layout, place, origin),
    id: trace.nodes.token_id[node] ?? 0,
    bytes: bytes.length ? `${count(bytes.length)} byte${bytes.length === 1 ? '' : 's'} ${hexBytes(bytes, 12)}` : 'no bytes',
    remark: remark(trace, layout, node, list),
  };
}

/** The visible form of a token id, as among the alternatives. @param {import('#viewer/trace/trace').Trace} trace @param {number} id */
export function visibleId(trace, id) {
  return visible(piecesOfToken(trace.bytesOfId(id)));
}

/** The visible form of a run of nodes. @param {import('#viewer/trace/trace').Trace} trace @param {ArrayLike<number>} run @param {boolean} [alone] */
export function visibleText(trace, run, alone) {
  return visible(pieces(Array.from(run, (node) => trace.bytesOf(node))).flat(), alone);
}

/** The visible form of the token of a node. @param {import('#viewer/trace/trace').Trace} trace @param {number} node */
export function visibleNode(trace, node) {
  return visible(piecesOfToken(trace.bytesOf(node)));
}

/** @param {import('#viewer/reading/layout').Layout} layout @param {number} place @param {number} origin */
function ordinal(layout, place, origin) {
  const outputs = layout.outputPlaces.length;
  return `${count(layout.ordinalOf[place] ?? 0)} of ${count(origin === ORIGIN.prompt ? layout.order.length - outputs : outputs)}`;
}

/**
 * @param {import('#viewer/trace/trace').Trace} trace @param {import('#viewer/reading/layout').Layout} layout @param {number} node
 * @param {import('#viewer/reading/text').Piece[]} list
 */
function remark(trace, layout, node, list) {
  if (trace.isSpecial(node)) return 'A control token: not part of the program.';
  const place = layout.placeOf[node] ?? 0;
  const cells = layout.lines[layout.lineOf[place] ?? 0] ?? [];
  if (cells.some((cell) => cell.node === node && cell.kind === 'rest') && list.length) return 'The rest of a character that begins in an earlier token.';
  if (list.some(({ kind }) => kind === 'invalid') && cells.some((cell) => cell.node === node && !cell.pieces.some(({ kind }) => kind === 'invalid'))) {
    return 'It ends inside a character that a later token completes.';
  }
  if (cells.some((cell) => cell.node === node && cell.pieces.some(({ kind }) => kind === 'escape'))) return 'It holds characters that cannot be seen.';
  return '';
}
