/**
 * Bytes of tokens -> what the eye sees. A character may span tokens: it is shown in the token that holds its first byte.
 * What has no glyph of its own (controls, bidirectional marks, zero width, odd spaces, invalid bytes), or that of another sign, becomes
 * an escape.
 */

import { disguised } from '#viewer/reading/lookalikes';

/**
 * @typedef {object} Piece a run of one kind inside one token
 * @property {'text' | 'newline' | 'return' | 'tab' | 'escape' | 'invalid'} kind
 * @property {string} text the exact characters (U+FFFD for invalid bytes)
 * @property {string} show what is drawn instead, where the characters cannot be seen
 */

const LONGEST = 500; // signs of a visible form
const hex = (/** @type {number} */ value, /** @type {number} */ digits) => value.toString(16).toUpperCase().padStart(digits, '0');

/**
 * The pieces of each token of a run whose bytes join to one text. A token without pieces holds only the rest of a character
 * that began before it (or nothing at all).
 * @param {readonly Uint8Array[]} tokens
 * @returns {Piece[][]}
 */
export function pieces(tokens) {
  const { codes, owners, raw } = characters(tokens);
  const hidden = disguised(codes);
  /** @type {Piece[][]} */
  const result = tokens.map(() => []);
  for (let i = 0; i < codes.length; i++) {
    const code = /** @type {number} */ (codes[i]);
    const list = /** @type {Piece[]} */ (result[/** @type {number} */ (owners[i])]);
    const last = list.at(-1);
    const piece = isPlain(code) && last?.kind === 'text' ? null : draw(codes, i, raw, hidden);
    if (last?.kind === 'text' && (!piece || piece.kind === 'text')) last.text += String.fromCodePoint(code);
    else if (piece) list.push(piece);
  }
  return result;
}

/**
 * The pieces of one token, seen alone: an incomplete character shows as its bytes, a carriage return at the end may be half of
 * a line break.
 * @param {Uint8Array} bytes
 */
export function piecesOfToken(bytes) {
  const list = /** @type {Piece[]} */ (pieces([bytes])[0]);
  const last = list.at(-1);
  if (last?.text === '\r') list.splice(-1, 1, { kind: 'return', text: '\r', show: '' });
  return list;
}

/**
 * A short visible form: spaces at the ends, line breaks and tabs drawn as signs, escapes as they are.
 * @param {readonly Piece[]} list
 * @param {boolean} [alone] false inside of a text, where spaces can be seen
 * @returns {{ text: string, sign: boolean }[]}
 */
export function visible(list, alone = true) {
  if (list.length === 0) return [{ text: 'empty', sign: true }];
  const whole = list.map((piece) => piece.text).join('');
  const lead = alone ? whole.length - whole.replace(/^ +/, '').length : 0;
  const trail = lead === whole.length || !alone ? 0 : whole.length - whole.replace(/ +$/, '').length;
  /** @type {{ text: string, sign: boolean }[]} */
  const parts = [];
  if (lead) parts.push({ text: '\u00b7'.repeat(lead), sign: true });
  let skip = lead;
  let left = whole.length - lead - trail;
  for (const piece of list) {
    const from = Math.min(skip, piece.text.length);
    skip -= from;
    const text = piece.text.slice(from, from + left);
    left -= text.length;
    if (text) parts.push(piece.kind === 'text' ? { text, sign: false } : { text: SIGNS[piece.kind] ?? piece.show, sign: true });
  }
  if (trail) parts.push({ text: '\u00b7'.repeat(trail), sign: true });
  return whole.length > LONGEST ? shortened(parts) : parts;
}

/** The beginning, and how much follows: the code has all of it. @param {{ text: string, sign: boolean }[]} parts */
function shortened(parts) {
  const shown = [];
  let room = LONGEST;
  let left = 0;
  for (const part of parts) {
    if (room > 0) shown.push({ ...part, text: part.text.slice(0, room) });
    left += Math.max(0, part.text.length - Math.max(0, room));
    room -= part.text.length;
  }
  if (left) shown.push({ text: `\u2026 ${left.toLocaleString('en')} more signs`, sign: true });
  return shown;
}

/** For a screen reader: white space by name. @param {readonly Piece[]} list */
export function spoken(list) {
  if (list.length === 0) return 'empty token';
  const said = list.slice(0, LONGEST).map(({ kind, text, show }) => SPOKEN[kind] ?? (kind === 'text' ? spokenSpaces(text.slice(0, LONGEST)) : show));
  return said.join(' ').trim().slice(0, LONGEST);
}

/** @param {string} text */
function spokenSpaces(text) {
  return text.replace(/^ +$|^ {2,}/, (run) => ` ${run.length} space${run.length > 1 ? 's' : ''} `);
}

/** @type {Record<string, string | undefined>} */
const SIGNS = { newline: '\u21b5', return: '\\r', tab: '\u2192' };
/** @type {Record<string, string | undefined>} */
const SPOKEN = { newline: 'new line', return: 'carriage return', tab: 'tab' };

/**
 * Decode as the Encoding Standard does: a wrong sequence is one character per maximal subpart, here the code -1.
 * @param {readonly Uint8Array[]} tokens
 */
function characters(tokens) {
  /** @type {number[]} */
  const codes = [];
  /** @type {number[]} */
  const owners = [];
  /** @type {Map<number, number[]>} bytes of each invalid character, by its index */
  const raw = new Map();
  let needed = 0;
  let code = 0;
  let lower = 0x80;
  let upper = 0xbf;
  /** @type {number[]} */
  let seen = [];

  const invalid = () => {
    raw.set(codes.length - 1, seen);
    codes[codes.length - 1] = -1;
    needed = 0;
    seen = [];
  };

  for (const [token, bytes] of tokens.entries()) {
    for (const byte of bytes) {
      if (needed && (byte < lower || byte > upper)) invalid();
      if (needed) {
        seen.push(byte);
        code = (code << 6) | (byte & 0x3f);
        lower = 0x80;
        upper = 0xbf;
        if (--needed === 0) codes[codes.length - 1] = code;
        continue;
      }
      owners.push(token);
      codes.push(byte);
      if (byte < 0x80) continue;
      seen = [byte];
      if (byte >= 0xc2 && byte <= 0xdf) { needed = 1; code = byte & 0x1f; lower = 0x80; upper = 0xbf; }
      else if (byte >= 0xe0 && byte <= 0xef) { needed = 2; code = byte & 0x0f; lower = byte === 0xe0 ? 0xa0 : 0x80; upper = byte === 0xed ? 0x9f : 0xbf; }
      else if (byte >= 0xf0 && byte <= 0xf4) { needed = 3; code = byte & 0x07; lower = byte === 0xf0 ? 0x90 : 0x80; upper = byte === 0xf4 ? 0x8f : 0xbf; }
      else invalid();
    }
  }
  if (needed) invalid();
  return { codes, owners, raw };
}

/** @param {number[]} codes @param {number} i @param {Map<number, number[]>} raw @param {Uint8Array} hidden @returns {Piece} */
function draw(codes, i, raw, hidden) {
  const code = /** @type {number} */ (codes[i]);
  if (code === -1) {
    return { kind: 'invalid', text: '\ufffd', show: /** @type {number[]} */ (raw.get(i)).map((byte) => `\\x${hex(byte, 2)}`).join('') };
  }
  const text = String.fromCodePoint(code);
  if (code === 0x0a) return { kind: 'newline', text, show: '' };
  if (code === 0x0d && codes[i + 1] === 0x0a) return { kind: 'return', text, show: '' };
  if (code === 0x09) return { kind: 'tab', text, show: '' };
  if (code === 0x0d || hidden[i])
    return { kind: 'escape', text, show: `<U+${hex(code, 4)}>` };
  return { kind: 'text', text, show: '' };
}

/** Printable ASCII. @param {number} code */
function isPlain(code) {
  return code >= 0x20 && code < 0x7f;
}
