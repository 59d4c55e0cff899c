/** The command that would have recorded another continuation, quoted for a POSIX shell. Pure. */

const PROGRAM = 'tokenscope-record';
const LONGEST = 2000;
/** What runs code or reads a folder goes with its value, what runs code of a repository without one. */
const RUNS = /^--(?:check|check-folder|check-timeout|check-memory|differences)$/;
const TRUSTS = /^--(?:trust-remote-code|allow-pickle)$/;
const NAMES_FILE = /^--output$/;
const FORCES = /^--force-(?:token|text)$/;
/** Options whose value may look like an option. */
const TAKES_TEXT = /^--(?:stop|system|fim-marker)$/;
const PLAIN = /^[\w@%+=:,./-]+$/;
/** What a terminal would act upon, or an eye would not see. */
const UNSEEN = /[\p{C}\p{Zl}\p{Zp}]/u;
const encoder = new TextEncoder();

/**
 * The arguments of the recorded command without its output and its forced tokens, and with an option of this kind.
 * @param {readonly string[]} recorded run.command @param {'--force-token' | '--force-text'} option @param {string} value
 */
export function commandWith(recorded, option, value) {
  const kept = [];
  const last = recorded.includes('--') ? recorded.indexOf('--') : recorded.length;
  for (let i = 0; i < last; i++) {
    const word = recorded[i] ?? '';
    const name = word.replace(/=[^]*$/, '');
    const short = /^-([^-o]*)o([^]*)$/.exec(word); // -o FILE, -oFILE, -qo FILE
    if (TAKES_TEXT.test(word)) kept.push(word, recorded[++i] ?? '');
    else if (short) {
      if (short[1]) kept.push(`-${short[1]}`);
      if (!short[2]) i++;
    } else if (NAMES_FILE.test(name) || FORCES.test(name)) i += word === name ? 1 : 0;
    else if (word !== '--force') kept.push(word);
  }
  return [...kept, option, value, ...recorded.slice(last)].map(quote).join(' ');
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

/**
 * The words of a recorded command as they may be offered to a reader: a command of ours, without what runs code, in a length that an eye
 * takes in, with nothing in it that a terminal would act upon. null where there is none. reports/commands.py holds the same rule.
 * @param {unknown} command run.command @returns {string[] | null}
 */
export function offered(command) {
  if (!Array.isArray(command) || command[0] !== PROGRAM) return null;
  const words = command.map(String);
  /** @type {string[]} */
  const kept = [];
  for (let i = 0; i < words.length; i++) {
    const word = words[i] ?? '';
    const name = word.replace(/=[^]*$/, '');
    if (TAKES_TEXT.test(word) || word === '--force-text') kept.push(word, words[++i] ?? '');
    else if (RUNS.test(name)) i += word === name ? 1 : 0;
    else if (!TRUSTS.test(name)) kept.push(word);
  }
  const text = kept.join(' ');
  return text.length > LONGEST || /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}]/u.test(text.replace(/[\n\t\r]/g, ' ')) ? null : kept;
}

/** One word for a POSIX shell. @param {string} word */
export function quote(word) {
  if (PLAIN.test(word)) return word;
  if (!UNSEEN.test(word)) return `'${word.replaceAll("'", "'\\''")}'`;
  return `$'${Array.from(word, (character) => (UNSEEN.test(character) ? octal(character) : character.replace(/[\\']/, '\\$&'))).join('')}'`;
}

/** @param {string} character */
function octal(character) {
  return character === '\n' ? '\\n' : Array.from(encoder.encode(character), (byte) => `\\${byte.toString(8).padStart(3, '0')}`).join('');
}
