/**
 * One column as the trace format stores it -> a typed array. Undoes the filters; trusts nothing it is given.
 */

import { TYPES } from '#viewer/trace/schema';

/** @typedef {Uint8Array | Uint16Array | Uint32Array | Int32Array | BigInt64Array | Float32Array | Float64Array} Column */

/**
 * @param {string} name for the error's sentence
 * @param {unknown} stored
 * @param {number} rows
 * @returns {Column}
 */
export function unpackColumn(name, stored, rows) {
  if (typeof stored !== 'object' || stored === null) throw new Error(`the column ${name} is not a map`);
  const { dtype, filters, data } = /** @type {{ dtype?: unknown, filters?: unknown, data?: unknown }} */ (stored);
  if (typeof dtype !== 'string' || !Object.hasOwn(TYPES, dtype)) throw new Error(`the column ${name} has an unknown type`);
  if (!(data instanceof Uint8Array)) throw new Error(`the column ${name} has no data`);
  if (!Array.isArray(filters)) throw new Error(`the column ${name} has no list of filters`);
  const Type = TYPES[/** @type {keyof typeof TYPES} */ (dtype)];
  const size = Type.BYTES_PER_ELEMENT;
  if (data.length !== rows * size) throw new Error(`the column ${name} does not have ${rows} rows`);
  const shuffled = filters.at(-1) === 'shuffle';
  const column = new Type((shuffled ? unshuffle(data, size) : data.slice()).buffer);
  for (const filter of (shuffled ? filters.slice(0, -1) : filters).reverse()) undo(filter, column, name);
  return column;
}

/** @param {Uint8Array} data @param {number} size bytes of one value */
function unshuffle(data, size) {
  const rows = data.length / size;
  const bytes = new Uint8Array(data.length);
  let done = 0;
  if (size === 4) { // as nearly all are: four values at a time, which takes a quarter of the time
    const view = new DataView(data.buffer, data.byteOffset);
    const words = new Int32Array(bytes.buffer);
    for (; done + 4 <= rows; done += 4) {
      const a = view.getInt32(done, true);
      const b = view.getInt32(done + rows, true);
      const c = view.getInt32(done + 2 * rows, true);
      const d = view.getInt32(done + 3 * rows, true);
      for (let k = 0; k < 4; k++)
        words[done + k] = ((a >>> (8 * k)) & 255) | (((b >>> (8 * k)) & 255) << 8) | (((c >>> (8 * k)) & 255) << 16) | ((d >>> (8 * k)) << 24);
    }
  }
  for (let plane = 0; plane < size; plane++) {
    for (let row = done; row < rows; row++) bytes[row * size + plane] = /** @type {number} */ (data[plane * rows + row]);
  }
  return bytes;
}

/** @param {unknown} filter @param {Column} column changed in place; typed arrays wrap as the format asks @param {string} name */
function undo(filter, column, name) {
  if (filter === 'parent' && column instanceof Int32Array) {
    for (let i = 0; i < column.length; i++) column[i] = i - /** @type {number} */ (column[i]);
  } else if (filter === 'delta' && column instanceof BigInt64Array) {
    for (let i = 1; i < column.length; i++) column[i] = /** @type {bigint} */ (column[i]) + /** @type {bigint} */ (column[i - 1]);
  } else if (filter === 'delta' && !(column instanceof BigInt64Array || column instanceof Float32Array || column instanceof Float64Array)) {
    for (let i = 1; i < column.length; i++) column[i] = /** @type {number} */ (column[i]) + /** @type {number} */ (column[i - 1]);
  } else {
    throw new Error(`the column ${name} has a filter that does not apply`);
  }
}
