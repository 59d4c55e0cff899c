/** The pieces of tokens as elements. The exact characters are always in the page; what they show is the style sheet's. */

import { h } from '#viewer/elements/dom';

/** @param {readonly import('#viewer/reading/text').Piece[]} pieces of one token on one line @returns {(Node | string)[]} */
export function drawPieces(pieces) {
  return pieces.flatMap((piece, i) => {
    const endsLine = (pieces[i + 1]?.kind ?? 'newline') !== 'text';
    return piece.kind === 'text' && endsLine ? splitTrail(piece.text) : [drawPiece(piece)];
  });
}

/** Spaces at the end in an element of their own, so that they can be shown. @param {string} text @returns {(Node | string)[]} */
function splitTrail(text) {
  const words = text.replace(/ +$/, '');
  const spaces = text.length - words.length;
  if (!words || !spaces) return [text];
  return [words, h('span', { class: 'spaces', data: { show: '\u00b7'.repeat(spaces) } }, text.slice(words.length))];
}

/** @param {import('#viewer/reading/text').Piece} piece */
function drawPiece(piece) {
  if (piece.kind === 'text') return document.createTextNode(piece.text);
  const element = h('span', { class: piece.kind });
  if (piece.show) element.dataset['show'] = piece.show;
  element.append(piece.kind === 'escape' || piece.kind === 'invalid' ? h('span', { class: 'exact' }, piece.text) : piece.text);
  return element;
}
