/** A recorded command as it may be offered, and the one that would have recorded another continuation, quoted for a POSIX shell. Pure. */

import { pieces } from '#viewer/reading/text';
import { LONGEST_COMMAND, OPTION, OPTIONS, PROGRAM } from '#viewer/trace/schema';

const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;
const OUTPUT_NAME = /^\w[\w .-]*\.tsc$/;
const BREAKS = /[\n\t\r]/g;
const FORCES = /^--force-(?:token|text)$/;
const PLAIN = /^[\w@%+=:,./-]+$/;
/** What a terminal would act upon, or an eye would not see. */
const UNSEEN = /[\p{C}\p{Zl}\p{Zp}]/u;
/** What a shell may look for before it looks for quotes. */
const EARLY = '!';
/** @type {Record<string, string | undefined>} */
const BY_NAME = { '\n': '\\n', '\t': '\\t', '\r': '\\r' };
const encoder = new TextEncoder();

/**
 * @typedef {object} Offer a recorded command, as it may be offered
 * @property {readonly string[]} files
 * @property {readonly (readonly string[])[]} options each with its values
 * @property {readonly string[]} left names of options that are left out: what runs code, or writes or replaces a file
 */

/**
 * A command of ours, read as the program itself reads it: of options that are known, without what runs code or replaces a file, with nothing
 * in it that a terminal would act upon or that does not show as what it is, and no longer than an eye takes in. null where there is none.
 * reports/commands.py holds the same rule.
 * @param {unknown} command run.command @returns {Offer | null}
 */
export function offered(command) {
  if (!Array.isArray(command) || command[0] !== PROGRAM || !command.every(isSeen)) return null;
  const rest = command.slice(1).reverse();
  /** @type {string[]} */
  const files = [];
  /** @type {string[][]} */
  const options = [];
  const left = new Set();
  for (let word = rest.pop(); word !== undefined; word = rest.pop()) {
    if (word === '--') {
      for (const file of rest.splice(0).reverse()) files.push(file);
    } else if (word === '-' || !word.startsWith('-')) files.push(word);
    else {
      const option = optionOf(word, rest);
      if (!option) return null;
      const { name, kind, values } = option;
      if (kind === OPTION.left_out || kind === OPTION.left_out_flag) left.add(name);
      else if (kind !== OPTION.output || OUTPUT_NAME.test(values[0] ?? '')) options.push([name, ...values]);
    }
  }
  const found = { files, options, left: [...left] };
  return files.every(isName) && [...lineOf(found)].length <= LONGEST_COMMAND ? found : null;
}

/**
 * One option with its values, as far as they are what it takes.
 * @param {string} word @param {string[]} rest the words that follow, the next one last
 */
function optionOf(word, rest) {
  const [, name = '', , value] = word.startsWith('--') ? (/^([^=]*)(=([^]*))?$/.exec(word) ?? []) : ['', word.slice(0, 2), '', word.slice(2) || undefined];
  const kind = Object.hasOwn(OPTIONS, name) ? OPTIONS[name] : undefined;
  const isFlag = kind === OPTION.flag || kind === OPTION.left_out_flag;
  if (kind === undefined || (isFlag && value !== undefined)) return null;
  const values = value === undefined ? [] : [value];
  for (let missing = (isFlag ? 0 : kind === OPTION.three_names ? 3 : 1) - values.length; missing > 0; missing--) {
    const next = rest.pop();
    if (next === undefined) return null;
    values.push(next);
  }
  return kind >= OPTION.output || values.every((one) => fits(kind, one)) ? { name, kind, values } : null;
}

/** @param {number} kind @param {string} value */
function fits(kind, value) {
  if (kind === OPTION.number) return NUMBER.test(value);
  return kind === OPTION.text || (isName(value) && !value.startsWith('-'));
}

/** @param {string} value */
function isName(value) {
  return value !== '' && value.search(BREAKS) < 0;
}

/** Whether all of a word but line breaks and tabs shows as what it is. @param {unknown} word @returns {word is string} */
function isSeen(word) {
  if (typeof word !== 'string' || /\p{Cs}/u.test(word)) return false;
  return pieces([encoder.encode(word.replace(BREAKS, ' '))])[0]?.every(({ kind }) => kind === 'text') ?? false;
}

/** The command as one line. @param {Pick<Offer, 'files' | 'options'>} offer */
export function lineOf({ files, options }) {
  const isolated = files.some((file) => file.startsWith('-') && file !== '-');
  const words = options.flat();
  return [PROGRAM, ...(isolated ? [...words, '--', ...files] : [...files, ...words])].map(quote).join(' ');
}

/**
 * The command without its output and its forced tokens, and with an option of this kind.
 * @param {Offer} offer @param {'--force-token' | '--force-text'} option @param {string} value
 */
export function commandWith({ files, options }, option, value) {
  const kept = options.filter(([name = '']) => !FORCES.test(name) && OPTIONS[name] !== OPTION.output);
  return lineOf({ files, options: [...kept, [option, value]] });
}

/**
 * `12:345,` for each token that was forced before a node on the path of a branch.
 * @param {import('#viewer/reading/reading').Reading} reading @param {number} node
 */
export function forcedBefore({ trace, tree, layout, branch }, node) {
  return tree.trail(branch).flatMap((one) => Array.from({ length: trace.branches.forced[one] ?? 0 }, (_, i) => tree.firstOf(one) + i))
    .filter((forced) => forced < node)
    .map((forced) => `${positionOf(layout, forced)}:${trace.nodes.token_id[forced]},`).join('');
}

/** The number of an output token, from 1. @param {import('#viewer/reading/layout').Layout} layout @param {number} node */
export function positionOf(layout, node) {
  return layout.ordinalOf[layout.placeOf[node] ?? 0] ?? 0;
}

/** As --force-text takes it. @param {string} text */
export function escapeText(text) {
  return text.replace(/[\\\n\t\r]/g, (character) => `\\${{ '\n': 'n', '\t': 't', '\r': 'r' }[character] ?? '\\'}`);
}

/** One word for a POSIX shell. @param {string} word */
export function quote(word) {
  if (PLAIN.test(word)) return word;
  if (!UNSEEN.test(word)) return `'${word.replaceAll("'", "'\\''")}'`;
  const sign = (/** @type {string} */ one) => (UNSEEN.test(one) || one === EARLY ? octal(one) : one.replace(/[\\']/, '\\$&'));
  return `$'${Array.from(word, sign).join('')}'`;
}

/** @param {string} character */
function octal(character) {
  return BY_NAME[character] ?? Array.from(encoder.encode(character), (byte) => `\\${byte.toString(8).padStart(3, '0')}`).join('');
}
