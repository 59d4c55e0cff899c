/**
 * Changed recordings through the viewer's decoder and everything that computes without a page. Equal numbers give equal runs.
 *
 *     python tests/fuzz/seeds.py build/fuzz/seeds
 *     node tests/fuzz/decoder.js build/fuzz/seeds 20000 [first number]
 *
 * Either the decoder says what is wrong, by an Error of its own making, or whatever is computed from the recording is computed. A round
 * that breaks this is printed with its number, and the exit code is 1.
 */

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { indexOf as attentionOf, forward, reverse } from '#viewer/reading/attention';
import { differences } from '#viewer/reading/branch_diff';
import { layersAt } from '#viewer/reading/lens';
import { open, read } from '#viewer/reading/reading';
import { search } from '#viewer/reading/search';
import { spansOf } from '#viewer/reading/syntax';
import { describe } from '#viewer/reading/token_words';
import { reduce, INITIAL } from '#viewer/state';
import { decode } from '#viewer/trace/msgpack';
import { readTrace } from '#viewer/trace/trace';
import { encode } from '../viewer/recording.js';

const FACTS = [null, true, false, -1, 0, 1, 2, 2 ** 31, 2 ** 53, 0.5, NaN, Infinity, '', 'x', '-', 'fim', '</script>\u202e', [], {}, [null], ['text'], [[1, 2]], { node: 1 }, Uint8Array.of(255)];
const WHOLE = [-2, -1, 0, 1, 2, 3, 7, 31, 127, 255, 65535, 2 ** 31 - 1, -(2 ** 31), 2 ** 32 - 1];
const FLOATS = [NaN, Infinity, -Infinity, 0, -0, 1, 1.5, -1e-45, -3.4e38, 3.4e38, -0.5, 0.5];
const TYPES = { '|u1': Uint8Array, '<u2': Uint16Array, '<u4': Uint32Array, '<i4': Int32Array, '<f4': Float32Array };

/** Numbers below 1, always the same after the same seed (mulberry32). @param {number} seed */
function numbers(seed) {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let word = Math.imul(state ^ (state >>> 15), state | 1);
    word ^= word + Math.imul(word ^ (word >>> 7), word | 61);
    return ((word ^ (word >>> 14)) >>> 0) / 2 ** 32;
  };
  return { next, below: (/** @type {number} */ limit) => Math.floor(next() * limit), of: (/** @type {any} */ list) => list[Math.floor(next() * list.length)] };
}

/** [container, key] of everything inside of a value that is no bytes. @param {any} value @returns {[any, any][]} */
function places(value) {
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return [];
  return Object.keys(value).flatMap((key) => [[value, key], ...places(value[key])]);
}

/** @param {any} container @param {any} key */
function remove(container, key) {
  if (Array.isArray(container)) container.splice(Number(key), 1);
  else delete container[key];
}

/** @param {any} document @param {ReturnType<typeof numbers>} random */
function change(document, random) {
  const what = random.below(8);
  if (what < 2) {
    const [container, key] = random.of(places(document.run)) ?? [document, 'run'];
    if (random.below(4) === 0) remove(container, key);
    else container[key] = typeof container[key] === 'number' && random.below(2) ? container[key] + random.of([-1, 1]) : structuredClone(random.of(FACTS));
    return;
  }
  const table = random.of(Object.values(document.tables ?? {}).filter((one) => one?.rows));
  const column = random.of(Object.values(table?.columns ?? {}));
  const Type = TYPES[/** @type {keyof typeof TYPES} */ (column?.dtype)];
  if (what === 2) {
    const [container, key] = random.of(places(document.tables)) ?? [document, 'tables'];
    if (random.below(2)) container[key] = structuredClone(random.of(FACTS));
    else remove(container, key);
  } else if (column && Type && column.data instanceof Uint8Array && Array.isArray(column.filters)) {
    const size = Type.BYTES_PER_ELEMENT;
    const shuffled = column.filters.includes('shuffle'); // a cell of its bytes, where they are; with a sum or a parent it is another number
    const rows = Math.floor(column.data.length / size);
    const value = new Uint8Array(new Type([random.of(Type === Float32Array ? FLOATS : WHOLE)]).buffer);
    const row = random.below(rows);
    column.data = column.data.slice();
    for (let place = 0; place < size; place++) column.data[shuffled ? place * rows + row : row * size + place] = value[place] ?? 0;
  }
}

/** Everything that a page computes before it draws. @param {Uint8Array} payload */
function hold(payload) {
  let trace;
  try {
    trace = readTrace(payload);
  } catch (error) {
    if (error?.constructor === Error && error.message) return false;
    throw error;
  }
  const recording = open(trace);
  for (const branch of [-1, ...Array.from(trace.branches.first.keys()).slice(0, 4)]) {
    const reading = read(recording, branch);
    for (const metric of reading.metrics) reading.uncertainOf(metric);
    for (const node of reading.layout.order) describe(trace, reading.layout, node);
    for (const query of ['x', '/./', 'p<0.5']) search(reading, query);
    for (const kind of ['token', 'line', 'block']) if (reading.structure()) spansOf(reading.structure(), kind);
    if (branch >= 0) differences(read(recording, -1), reading);
    recording.tree.outcomeOf(branch);
    recording.tree.trail(branch);
  }
  for (let node = 0; node < trace.count; node++) {
    recording.tree.explored(node);
    recording.structureAt(node);
    if (trace.lens) layersAt(trace.lens, node);
  }
  if (trace.attention) {
    const index = attentionOf(trace.attention);
    for (let query = 0; query < trace.attention.queries; query++) for (const look of [forward, reverse]) look(index, { layer: -1, head: -1 }, query);
  }
  for (const hash of ['#n=1', '#d=1', '#b=0&diff=1', '#f=1']) reduce(INITIAL, { type: 'address', hash }, recording.limits);
  return true;
}

const [folder = '', rounds = '1000', first = '0'] = process.argv.slice(2);
const seeds = readdirSync(folder).sort().map((name) => new Uint8Array(readFileSync(join(folder, name))));
for (const seed of seeds) if (!hold(seed)) throw new Error('a seed is refused');
let [kept, broken] = [0, 0];
for (let round = Number(first); round < Number(first) + Number(rounds); round++) {
  const random = numbers(round);
  const document = decode(random.of(seeds));
  for (let count = random.of([1, 1, 2, 4]); count > 0; count--) change(document, random);
  const payload = encode(document);
  if (random.below(20) === 0) payload[random.below(payload.length)] ^= 1 << random.below(8);
  try {
    kept += Number(hold(payload));
  } catch (error) {
    broken++;
    console.error(`round ${round}: ${error?.stack ?? error}`);
  }
}
console.log(`${rounds} rounds: ${kept} recordings, ${Number(rounds) - kept - broken} refusals, ${broken} broken promises`);
process.exitCode = broken ? 1 : 0;
