import assert from 'node:assert/strict';
import test from 'node:test';
import { pieces, piecesOfToken, spoken, visible } from '#viewer/reading/text';

const utf8 = (text) => new TextEncoder().encode(text);
const shown = (bytes) => visible(piecesOfToken(bytes)).map(({ text }) => text).join('');
const joined = (list) => list.flat().map(({ text }) => text).join('');

test('the pieces of a run join to its exact text, however it is cut', () => {
  const text = 'a\u00e9\u3042\ud83d\ude00\n\tend\r\n\u202e\u200bz';
  const bytes = utf8(text);
  for (let size = 1; size <= bytes.length; size++) {
    const tokens = [];
    for (let i = 0; i < bytes.length; i += size) tokens.push(bytes.subarray(i, i + size));
    assert.equal(joined(pieces(tokens)), text, `in tokens of ${size} bytes`);
  }
});

test('wrong bytes become one character per maximal subpart, as TextDecoder does', () => {
  let seed = 1;
  const random = (limit) => (seed = (seed * 48271) % 0x7fffffff) % limit;
  for (let round = 0; round < 2000; round++) {
    const bytes = Uint8Array.from({ length: 8 }, () => [0x41, 0x80, 0xbf, 0xc2, 0xe0, 0xe3, 0xed, 0xf0, 0xf4, 0x9f, 0xa0, 0x8f, 0x90, 0xff][random(14)]);
    assert.equal(joined(pieces([bytes])), new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes), Buffer.from(bytes).toString('hex'));
  }
});

test('a character that spans tokens is shown in the first of them', () => {
  const bytes = utf8('\u3042');
  const [first, rest] = pieces([bytes.subarray(0, 1), bytes.subarray(1)]);
  assert.deepEqual(first, [{ kind: 'text', text: '\u3042', show: '' }]);
  assert.deepEqual(rest, []);
});

test('what cannot be seen is written out', () => {
  assert.equal(shown(utf8('\u202e')), '<U+202E>');
  assert.equal(shown(utf8('a\u200bb')), 'a<U+200B>b');
  assert.equal(shown(utf8('\u00a0')), '<U+00A0>');
  assert.equal(shown(utf8('\0')), '<U+0000>');
  assert.equal(shown(utf8('a\rb')), 'a<U+000D>b');
  assert.equal(shown(utf8('\u{e0041}')), '<U+E0041>');
  assert.equal(shown(Uint8Array.from([0xe3, 0x81])), '\\xE3\\x81');
  assert.equal(shown(Uint8Array.from([0xff])), '\\xFF');
});

test('emoji keep their joiners and selectors, code does not', () => {
  assert.equal(shown(utf8('\u{1f468}\u200d\u{1f469}')), '\u{1f468}\u200d\u{1f469}');
  assert.equal(shown(utf8('\u2764\ufe0f')), '\u2764\ufe0f');
  assert.equal(shown(utf8('1\ufe0f\u20e3')), '1\ufe0f\u20e3');
  assert.equal(shown(utf8('1\ufe0f')), '1<U+FE0F>');
  assert.equal(shown(utf8('a\u200db')), 'a<U+200D>b');
});

test('spaces at the ends, breaks and tabs become signs', () => {
  assert.equal(shown(utf8('  x y ')), '\u00b7\u00b7x y\u00b7');
  assert.equal(shown(utf8('   ')), '\u00b7\u00b7\u00b7');
  assert.equal(shown(utf8('\n    ')), '\u21b5\u00b7\u00b7\u00b7\u00b7');
  assert.equal(shown(utf8('\r\n\t')), '\\r\u21b5\u2192');
  assert.equal(shown(utf8('')), 'empty');
});

test('a screen reader hears white space by name', () => {
  assert.equal(spoken(piecesOfToken(utf8('\n    '))), 'new line  4 spaces');
  assert.equal(spoken(piecesOfToken(utf8('\t'))), 'tab');
  assert.equal(spoken([]), 'empty token');
});
