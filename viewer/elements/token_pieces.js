/**
 * The pieces of tokens as elements. The exact characters are always in the page; what they show is the style sheet's. Of a long token the
 * beginning is shown, and the rest when it is asked for: until then nothing has to lay it out.
 */

import { append, h } from '#viewer/elements/dom';
import { count } from '#viewer/reading/format';

const SHOWN = 400; // signs of one token
const MORE = 4000; // signs that one click adds

/** @typedef {import('#viewer/reading/text').Piece} Piece */

/** @param {readonly Piece[]} pieces of one token on one line @param {number} [most] signs to show at once @returns {(Node | string)[]} */
export function drawPieces(pieces, most = SHOWN) {
  /** @type {(Node | string)[]} */
  const drawn = [];
  let room = most;
  for (const [i, piece] of pieces.entries()) {
    if (piece.text.length > room) {
      const [head, tail] = divided(piece, room);
      const rest = [tail, ...pieces.slice(i + 1)];
      if (head.text) drawn.push(drawPiece(head));
      drawn.push(restOf(rest.map(({ text }) => text).join(''), 'sign', () => drawPieces(rest, MORE)).element);
      return drawn;
    }
    room -= piece.text.length;
    const endsLine = (pieces[i + 1]?.kind ?? 'newline') !== 'text';
    if (piece.kind === 'text' && endsLine) for (const part of splitTrail(piece.text)) drawn.push(part);
    else drawn.push(drawPiece(piece));
  }
  return drawn;
}

/**
 * What stands for text that is not drawn yet: the text itself, which nobody sees, and a button that draws it in its place.
 * @param {string} text @param {'sign' | 'token'} unit @param {() => (Node | string)[]} draw @param {number} [amount] of units
 */
export function restOf(text, unit, draw, amount = text.length) {
  const label = `\u2026 ${count(amount)} more ${unit}${amount === 1 ? '' : 's'}`;
  const button = h('button', { type: 'button', class: 'quiet-button', aria: { label }, data: { show: label } });
  const rest = h('span', { class: 'rest' }, button, h('span', { hidden: true }, text));
  const show = () => {
    const drawn = document.createDocumentFragment();
    for (const part of draw()) drawn.append(part);
    rest.replaceWith(drawn);
  };
  button.addEventListener('click', (event) => {
    event.stopPropagation(); // it is no click on the token
    show();
  });
  return { element: rest, show: show };
}

/** A piece in two, between characters. @param {Piece} piece @param {number} place @returns {[Piece, Piece]} */
function divided(piece, place) {
  const at = piece.kind === 'text' ? place - Number(/[\ud800-\udbff]/.test(piece.text[place - 1] ?? '')) : 0;
  return [{ ...piece, text: piece.text.slice(0, at) }, { ...piece, text: piece.text.slice(at) }];
}

/** Spaces at the end in an element of their own, so that they can be shown. @param {string} text @returns {(Node | string)[]} */
function splitTrail(text) {
  const words = text.replace(/ +$/, '');
  const spaces = text.length - words.length;
  if (!words || !spaces) return [text];
  return [words, h('span', { class: 'spaces', data: { show: '\u00b7'.repeat(spaces) } }, text.slice(words.length))];
}

/** @param {Piece} piece */
function drawPiece(piece) {
  if (piece.kind === 'text') return document.createTextNode(piece.text);
  const element = h('span', { class: piece.kind });
  if (piece.show) element.dataset['show'] = piece.show;
  append(element, piece.kind === 'escape' || piece.kind === 'invalid' ? h('span', { class: 'exact' }, piece.text) : piece.text);
  return element;
}
