/**
 * Bytes of one msgpack document -> plain values. Trusts nothing: every length is checked against what is left before
 * anything is allocated, nesting is bounded, text must be UTF-8, a map may hold a key once, nothing may follow the document.
 */

import { LIMITS } from '#viewer/trace/schema';

/** @typedef {null | boolean | number | bigint | string | Uint8Array | unknown[] | { [key: string]: unknown }} Value */

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * @param {Uint8Array} bytes binary values are returned as views into it
 * @returns {Value}
 */
export function decode(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  let made = 0;
  let signs = 0; // of all strings

  /** @param {number} count */
  function take(count) {
    if (count > bytes.length - at) throw new Error('the document ends too early');
    at += count;
    return at - count;
  }

  /** @param {1 | 2 | 4} size */
  function length(size) {
    const from = take(size);
    return size === 1 ? view.getUint8(from) : size === 2 ? view.getUint16(from) : view.getUint32(from);
  }

  /** @param {bigint} value */
  const integer = (value) => (BigInt.asIntN(53, value) === value ? Number(value) : value);

  /** @param {number} count */
  function text(count) {
    const from = take(count);
    if (count > LIMITS.string) throw new Error('a string is longer than any may be');
    for (let i = from; i < at; i++) signs += (/** @type {number} */ (bytes[i]) & 0xc0) === 0x80 ? 0 : 1; // as Python counts them
    if (signs > LIMITS.strings) throw new Error('the strings of the document are too long together');
    try {
      return utf8.decode(bytes.subarray(from, at));
    } catch {
      throw new Error('a string is not UTF-8');
    }
  }

  /** @param {number} count */
  function binary(count) {
    const from = take(count);
    return bytes.subarray(from, at);
  }

  /** @param {number} count @param {number} depth */
  function list(count, depth) {
    if (count > Math.min(LIMITS.entries, bytes.length - at)) throw new Error('a list is longer than the document, or than any may be');
    const values = [];
    for (let i = 0; i < count; i++) values.push(value(depth + 1));
    return values;
  }

  /** @param {number} count @param {number} depth */
  function map(count, depth) {
    if (count > Math.min(LIMITS.entries, (bytes.length - at) / 2)) throw new Error('a map is longer than the document, or than any may be');
    /** @type {{ [key: string]: unknown }} */
    const entries = Object.create(null);
    for (let i = 0; i < count; i++) {
      const key = value(depth + 1);
      if (typeof key !== 'string') throw new Error('a map has a key that is not a string');
      if (key in entries) throw new Error('a map has a key twice');
      entries[key] = value(depth + 1);
    }
    return entries;
  }

  /** @param {number} depth @returns {Value} */
  function value(depth) {
    if (++made > LIMITS.values) throw new Error('the document holds too many values');
    if (depth > LIMITS.depth) throw new Error('the document nests too deep');
    const type = bytes[take(1)] ?? 0;
    if (type < 0x80) return type;
    if (type < 0x90) return map(type & 0x0f, depth);
    if (type < 0xa0) return list(type & 0x0f, depth);
    if (type < 0xc0) return text(type & 0x1f);
    if (type >= 0xe0) return type - 0x100;
    switch (type) {
      case 0xc0: return null;
      case 0xc2: return false;
      case 0xc3: return true;
      case 0xc4: return binary(length(1));
      case 0xc5: return binary(length(2));
      case 0xc6: return binary(length(4));
      case 0xca: return view.getFloat32(take(4));
      case 0xcb: return view.getFloat64(take(8));
      case 0xcc: return view.getUint8(take(1));
      case 0xcd: return view.getUint16(take(2));
      case 0xce: return view.getUint32(take(4));
      case 0xcf: return integer(view.getBigUint64(take(8)));
      case 0xd0: return view.getInt8(take(1));
      case 0xd1: return view.getInt16(take(2));
      case 0xd2: return view.getInt32(take(4));
      case 0xd3: return integer(view.getBigInt64(take(8)));
      case 0xd9: return text(length(1));
      case 0xda: return text(length(2));
      case 0xdb: return text(length(4));
      case 0xdc: return list(length(2), depth);
      case 0xdd: return list(length(4), depth);
      case 0xde: return map(length(2), depth);
      case 0xdf: return map(length(4), depth);
      default: throw new Error(`the document has a value of unknown type 0x${type.toString(16)}`);
    }
  }

  const document = value(1);
  if (at !== bytes.length) throw new Error('something follows the document');
  return document;
}
