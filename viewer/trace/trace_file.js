/**
 * Payload bytes -> the bytes of a trace file, as FORMAT.md describes it. A browser has no zstd, but a zstd frame may hold blocks that
 * are not compressed: the file is whole, only larger than the one that was recorded. Pure.
 */

import { MAGIC, MAJOR_VERSION } from '#viewer/trace/schema';

const HEAD = 30;
const BLOCK = 1 << 17;
// Frame: magic, size in four bytes and a checksum follow, a window of one block.
const FRAME = [0x28, 0xb5, 0x2f, 0xfd, 0x84, 0x38];

/** @param {Uint8Array} payload @param {number} minor version of its format, which may be newer than this page */
export function traceFile(payload, minor) {
  const { length } = payload;
  const blocks = Math.max(1, Math.ceil(length / BLOCK));
  const file = new Uint8Array(HEAD + 3 * blocks + length + 4);
  const view = new DataView(file.buffer);
  file.set([...MAGIC, MAJOR_VERSION, 0]);
  view.setUint16(10, minor, true);
  view.setBigUint64(12, BigInt(length), true);
  file.set(FRAME, 20);
  view.setUint32(26, length, true);
  let at = HEAD;
  for (let block = 0; block < blocks; block++) {
    const bytes = payload.subarray(block * BLOCK, (block + 1) * BLOCK);
    const header = (bytes.length << 3) | Number(block === blocks - 1); // raw, last
    file.set([header, header >> 8, header >> 16], at);
    file.set(bytes, at + 3);
    at += 3 + bytes.length;
  }
  view.setUint32(at, Number(xxh64(payload) & 0xffffffffn), true);
  return file;
}

const [P1, P2, P3, P4, P5] = /** @type {[bigint, bigint, bigint, bigint, bigint]} */ ([
  0x9e3779b185ebca87n,
  0xc2b2ae3d27d4eb4fn,
  0x165667b19e3779f9n,
  0x85ebca77c2b2ae63n,
  0x27d4eb2f165667c5n,
]);
const wrap = (/** @type {bigint} */ value) => BigInt.asUintN(64, value);
const turn = (/** @type {bigint} */ value, /** @type {bigint} */ bits) => wrap(value << bits) | (value >> (64n - bits));
const mix = (/** @type {bigint} */ value, /** @type {bigint} */ bits, /** @type {bigint} */ by, plus = 0n) => wrap(turn(value, bits) * by + plus);
const round = (/** @type {bigint} */ sum, /** @type {bigint} */ lane) => mix(wrap(sum + wrap(lane * P2)), 31n, P1);

/** XXH64 with seed 0. @param {Uint8Array} bytes */
export function xxh64(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const { length } = bytes;
  let at = 0;
  let hash = P5;
  if (length >= 32) {
    let [a, b, c, d] = [wrap(P1 + P2), P2, 0n, wrap(-P1)];
    for (; at + 32 <= length; at += 32) {
      a = round(a, view.getBigUint64(at, true));
      b = round(b, view.getBigUint64(at + 8, true));
      c = round(c, view.getBigUint64(at + 16, true));
      d = round(d, view.getBigUint64(at + 24, true));
    }
    hash = wrap(turn(a, 1n) + turn(b, 7n) + turn(c, 12n) + turn(d, 18n));
    for (const sum of [a, b, c, d]) hash = wrap((hash ^ round(0n, sum)) * P1 + P4);
  }
  hash = wrap(hash + BigInt(length));
  for (; at + 8 <= length; at += 8) hash = mix(hash ^ round(0n, view.getBigUint64(at, true)), 27n, P1, P4);
  for (; at + 4 <= length; at += 4) hash = mix(hash ^ wrap(BigInt(view.getUint32(at, true)) * P1), 23n, P2, P3);
  for (; at < length; at++) hash = mix(hash ^ wrap(BigInt(view.getUint8(at)) * P5), 11n, P1);
  hash = wrap((hash ^ (hash >> 33n)) * P2);
  hash = wrap((hash ^ (hash >> 29n)) * P3);
  return hash ^ (hash >> 32n);
}
