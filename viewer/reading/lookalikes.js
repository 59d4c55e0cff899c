/**
 * Characters that do not show as what they are: what draws nothing, and what looks like ASCII and is not.
 * The same rules as tokenscope_trace/lookalikes.py, which says them in words; a test compares every code point, and texts.
 */

import { RUNS } from '#viewer/reading/character_table';

const LINE = /[^\n\r]+/g;
const HIDDEN = /[BCFVWXZ]/g;
const READ = /[DEGHIKMNQRTU]/;
const WORD = /[a0ALNMGHIRDEJK]+/g;
const PLAIN = /^[aLA0]+$/;
const LATIN = /[aL]/;
const ALIKE = /^[A0MNHIEK]+$/;
const TWO_KINDS_OF_DIGITS = /^(?=.*0)(?=.*[DE])[A0DE]+$/;
const OWN_WAY = /[GRDJ]/;
const SPELLED = /L/;
const EASTERN = /[JK]+/g;
const SIGNS = /[TUQ][ TUQO]*/g;
const PROSE_BETWEEN = /^(?:[.,:;!?)TUQO-]{0,4} {1,2}[(.,:;!?TUQO-]{0,4} ?|-|[TUQO]{1,4})$/;
const NEXT = /[^a0ALNMGHIRDEJK]{1,12}([a0ALNMGHIRDEJK]+)/y;
const NEAR = 2;
const BETWEEN = 12;
// Quotation marks and two dashes by number: a page holds this script, and its minifier takes the marks for the beginning of a text.
const COMMENT = /^(?: *(?:#(?![a[])|\/\/|\/\*|\*(?=[ */])|--(?= )|<!-{2}|%(?= )|;;|\x22\x22\x22|\x27\x27\x27)|[^\x22\x27\x60]*(?: #[ !:]|[;{},)] *\/\/))/;
const LIST_MARK = /^ *(?:[-*+>]|0+[.)]) /;
const QUOTED = /\x60[^\x60]*\x60|\*\*/g;
const CODE = /[=[\]{}<>\\|&^$@~+;_*%#\x60]|a\(/;
const PROSE_WORD = /[aLANMGHIR]{2,}/g;
const PROSE_WORDS = 4;
const OPENS = /(?:[=+[{<>]|a\() {0,4}$/;
const PICTURE_LETTER = 0x2139;

/** @type {Uint8Array | null} */
let table = null;

/** The class of each code point, as a code of a letter; see recorder/character_table.py. */
function tableOf() {
  if (table) return table;
  table = new Uint8Array(0x110000).fill(0x43, 0, 0x80); // C, a control character
  for (let code = 0x20; code < 0x7f; code++) table[code] = code;
  table.fill(0x61, 0x41, 0x5b).fill(0x61, 0x61, 0x7b).fill(0x30, 0x30, 0x3a);
  table[0x09] = 0x20;
  table[0x0a] = 0x0a;
  table[0x0d] = 0x0d;
  let at = 0x80;
  for (const [, letter, length] of RUNS.matchAll(/([A-Z])([0-9a-z]*)/g)) {
    const end = at + (length ? parseInt(length, 36) : 1);
    table.fill(/** @type {string} */ (letter).charCodeAt(0), at, end);
    at = end;
  }
  return table;
}

/** A class for each code point; -1, an invalid byte, is half of a character. @param {readonly number[]} codes */
export function classes(codes) {
  const known = tableOf();
  const parts = [];
  for (const code of codes) parts.push(String.fromCharCode(code < 0 ? 0x53 : (known[code] ?? 0x56)));
  return parts.join('');
}

/** Printable ASCII, a line end or a tab. @param {number} code */
function isAsReads(code) {
  return (code >= 0x20 && code < 0x7f) || code === 0x0a || code === 0x09 || code === 0x0d;
}

/** The places that are to be written out, as ones. Line ends and tabs are not among them. @param {readonly number[]} codes */
export function disguised(codes) {
  const found = new Uint8Array(codes.length);
  if (codes.every(isAsReads)) return found;
  const seen = classes(codes);
  for (const { index } of seen.matchAll(HIDDEN)) if (!atWork(codes, seen, index)) found[index] = 1;
  if (!READ.test(seen)) return found;
  for (const { 0: line, index } of seen.matchAll(LINE)) {
    if (READ.test(line)) new Line(line).mark(found.subarray(index, index + line.length));
  }
  return found;
}

/** Whether a joiner or a selector of pictures does its ordinary work. @param {readonly number[]} codes @param {string} seen @param {number} place */
function atWork(codes, seen, place) {
  const own = seen.charAt(place);
  const before = seen.charAt(place - 1);
  const after = seen.charAt(place + 1);
  if (own === 'W') return before === 'P' || before === 'U' || after === 'Y' || codes[place - 1] === PICTURE_LETTER;
  if (own === 'X' && /[PUW]/.test(before) && /[PU]/.test(after)) return true;
  return (own === 'X' || own === 'F') && (before === 'R' || after === 'R') && /[RH]/.test(before) && /[RH]/.test(after);
}

/** One line of classes, and what in it is written out. */
class Line {
  /** @param {string} seen */
  constructor(seen) {
    this.seen = seen;
    this.quoting = false;
    this.comment = -1;
    /** @type {boolean | null} */
    this.prose = null;
  }

  /** @param {Uint8Array} found */
  mark(found) {
    /** @type {[number, number][]} */
    const before = [];
    for (const { 0: word, index } of this.seen.matchAll(WORD)) {
      if (!PLAIN.test(word)) this.markWord(word, index, before, found);
      before.unshift([index, index + word.length]);
      before.length = Math.min(before.length, NEAR);
    }
    for (const { 0: run, index } of this.seen.matchAll(SIGNS)) this.markSigns(run, index, found);
  }

  /** @param {string} word @param {number} first @param {[number, number][]} before @param {Uint8Array} found */
  markWord(word, first, before, found) {
    const mark = (/** @type {string} */ which) => {
      for (let i = 0; i < word.length; i++) if (which.includes(word.charAt(i))) found[first + i] = 1;
    };
    const end = first + word.length;
    if (LATIN.test(word)) {
      mark('GHIRDEM');
      const spelledSo = !word.includes('N') || word.includes('L') || this.isProse(first);
      if (!spelledSo && !this.beside(SPELLED, first, end, before)) mark('N');
      for (const { 0: run, index } of word.matchAll(EASTERN)) {
        if (!run.includes('J')) found.fill(1, first + index, first + index + run.length);
      }
      return;
    }
    if (TWO_KINDS_OF_DIGITS.test(word)) mark('DE');
    else if (ALIKE.test(word)) {
      const letters = word.replace(/[A0]/g, '');
      const isLone = letters.length === 1;
      if (letters === 'I' || (isLone && (this.isProse(first) || this.seen.charAt(end) === 'W'))) return;
      if (!this.beside(OWN_WAY, first, end, before)) mark('MNHIEK');
    }
  }

  /**
   * Whether a word near this one has such a letter, with nothing but prose between.
   * @param {RegExp} what @param {number} first @param {number} end @param {[number, number][]} before
   */
  beside(what, first, end, before) {
    let left = first;
    for (const [begin, stop] of before) {
      if (left - stop > BETWEEN || !PROSE_BETWEEN.test(this.seen.slice(stop, left))) break;
      if (what.test(this.seen.slice(begin, stop))) return true;
      left = begin;
    }
    let right = end;
    for (let i = 0; i < NEAR; i++) {
      NEXT.lastIndex = right;
      const word = NEXT.exec(this.seen);
      const letters = word?.[1] ?? '';
      if (!word || !PROSE_BETWEEN.test(word[0].slice(0, word[0].length - letters.length))) break;
      if (what.test(letters)) return true;
      right += word[0].length;
    }
    return false;
  }

  /** Signs with nothing but blanks and other signs between them. @param {string} run @param {number} first @param {Uint8Array} found */
  markSigns(run, first, found) {
    const end = first + run.length;
    let left = first - 1;
    while (left > Math.max(-1, first - 4) && ' O'.includes(this.seen.charAt(left))) left--;
    for (const place of [left, end]) {
      if (place >= 0 && place < this.seen.length && 'GHIRDEJK'.includes(this.seen.charAt(place)) && !found[place]) return;
    }
    for (let place = first; place < end; place++) {
      const sign = this.seen.charAt(place);
      if (!'TUQ'.includes(sign) || this.seen.charAt(place + 1) === 'W' || this.isProse(place)) continue;
      if (sign !== 'Q' || this.quotesCode(place)) found[place] = 1;
    }
  }

  /** Whether a quotation mark stands where code begins a text, or ends what such a one began; asked from left to right. @param {number} place */
  quotesCode(place) {
    if (OPENS.test(this.seen.slice(Math.max(0, place - 6), place))) return (this.quoting = true);
    const isApostrophe = this.seen.charAt(place - 1) === 'a' && this.seen.charAt(place + 1) === 'a';
    const ends = this.quoting && !isApostrophe;
    this.quoting &&= isApostrophe;
    return ends;
  }

  /** @param {number} place */
  isProse(place) {
    if (this.comment < 0) this.comment = COMMENT.exec(this.seen)?.[0].length ?? this.seen.length;
    return place >= this.comment || (this.prose ??= readsAsProse(this.seen));
  }
}

/** Whether there are several words, and no sign of code outside of backticks. @param {string} seen */
function readsAsProse(seen) {
  const plain = seen.replace(LIST_MARK, '').replace(QUOTED, ' ');
  return !CODE.test(plain) && (plain.match(PROSE_WORD) ?? []).length >= PROSE_WORDS;
}
