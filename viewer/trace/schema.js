/** What the format calls things and how large they may be. Written by recorder/viewer_schema.py (`make schema`), not by hand. */

export const MAGIC = Object.freeze([137, 84, 83, 67, 13, 10, 26, 10]);
export const MAJOR_VERSION = 1;
export const MINOR_VERSION = 6;
export const LIMITS = Object.freeze({
  payload: 2 ** 27, rows: 2 ** 28, depth: 16, entries: 2 ** 13, values: 2 ** 20, string: 2 ** 16, strings: 2 ** 24, name: 2 ** 14,
  stops: 100, stop: 1000, said: 2 ** 24, token: 2 ** 12, text: 2 ** 22, lines: 2 ** 18, turns: 256, decided: 2 ** 19, programs: 2 ** 31,
});
/** Of these tables. @type {{ readonly [table: string]: number | undefined }} */
export const ROWS_OF = Object.freeze({
  nodes: 2 ** 19, tokens: 2 ** 19, token_bytes: 2 ** 22, spelling_bytes: 2 ** 22, branches: 2 ** 16, syntax: 2 ** 21, decisions: 1000,
  decision_options: 8000,
});

/** How a column's numbers are stored. */
export const TYPES = Object.freeze({
  '|u1': Uint8Array, '<u2': Uint16Array, '<u4': Uint32Array, '<i4': Int32Array, '<i8': BigInt64Array, '<f4': Float32Array,
  '<f8': Float64Array,
});
/** The columns of every table. */
export const TABLES = Object.freeze({
  nodes: {
    parent: Int32Array, token_id: Int32Array, origin: Uint8Array, logprob: Float32Array, entropy: Float32Array, margin: Float32Array,
    rank: Int32Array, gap: Float32Array, tail: Float32Array, sampled_logprob: Float32Array, sampled_tail: Float32Array,
    alternative_count: Uint16Array, noise: Float32Array,
  },
  alternatives: { token_id: Int32Array, logprob: Float32Array, sampled_logprob: Float32Array },
  tokens: { id: Int32Array, special: Uint8Array, byte_count: Uint32Array },
  token_bytes: { byte: Uint8Array },
  spellings: { node: Int32Array, byte_count: Uint32Array },
  spelling_bytes: { byte: Uint8Array },
  branches: { first: Int32Array, count: Uint32Array, forced: Uint16Array, asked: Uint8Array, end: Uint8Array, rejoined: Int32Array },
  attention_layers: { layer: Uint16Array, heads: Uint16Array },
  attention_rows: { unkept: Uint16Array },
  attention: { node: Int32Array, weight: Uint8Array },
  lens: { token_id: Int32Array, probability: Float32Array, rank: Int32Array, logprob: Float32Array },
  syntax: { kind: Uint16Array, field: Uint16Array, parent: Int32Array, start: Uint32Array, end: Uint32Array, flags: Uint8Array },
  outcomes: {
    outcome: Uint8Array, scope: Uint8Array, start: Uint32Array, main_end: Uint32Array, branch_end: Uint32Array, kept: Uint32Array,
  },
  decisions: {
    node: Int32Array, count: Uint16Array, syntax: Int32Array, probability: Float32Array, difference: Float32Array, flags: Uint8Array,
    option_count: Uint16Array,
  },
  decision_options: { node: Int32Array, token_id: Int32Array, probability: Float32Array, branch: Int32Array },
  checks: { branch: Int32Array, result: Uint8Array, output: Uint16Array },
});
/** A file without one of these has no rows there. @type {readonly string[]} */
export const LATER_TABLES = Object.freeze([
  'branches', 'attention_layers', 'attention_rows', 'attention', 'lens', 'syntax', 'outcomes', 'decisions', 'decision_options', 'checks',
]);
/** A file without one of these measured nothing there. @type {readonly (readonly [table: string, column: string])[]} */
export const LATER_COLUMNS = Object.freeze([['nodes', 'noise'], ['outcomes', 'kept']]);

/** Where a token node comes from (column `nodes.origin`). */
export const ORIGIN = Object.freeze({ prompt: 0, main: 1, branch: 2, scored: 3 });
/** Why a branch ends (column `branches.end`). */
export const END = Object.freeze({
  length: 0, end_of_text: 1, stop_string: 2, rejoined: 3, context: 4, nodes: 5, cut: 6, unit: 7, repeats: 8,
});
/** What a branch's program is beside the main path's (column `branches.outcome`). */
export const OUTCOME = Object.freeze({
  not_compared: 0, same_text: 1, same_program: 2, renamed: 3, other_expression: 4, other_control_flow: 5, other_calls: 6, does_not_parse: 7,
  unfinished: 8, only_what_follows: 9, output_unfinished: 10,
});
/** How much of two programs was compared: the largest unit around the fork that is complete in both (column `branches.scope`). */
export const SCOPE = Object.freeze({ none: 0, statement: 1, function: 2, whole: 3 });
/** What a syntax node is to a reader (column `syntax.flags`). */
export const FLAG = Object.freeze({ named: 1, error: 2, missing: 4, expression: 8, statement: 16, block: 32, arm: 64 });
/** What else is to be said of a decision (column `decisions.flags`). */
export const DECISION = Object.freeze({ coin_flip: 1, taste: 2, behind: 4 });
/** What the user's own command said of a program (column `checks.result`). */
export const CHECK = Object.freeze({ pass: 1, fail: 2, time_out: 3 });
/** By value of OUTCOME: a key for styles and queries, and the words. @type {readonly (readonly [string, string])[]} */
export const OUTCOME_WORDS = Object.freeze([
  ['unknown', 'not compared'],
  ['same', 'the same text again'],
  ['same', 'the same program'],
  ['renamed', 'the same but for names'],
  ['expression', 'another expression'],
  ['control', 'other control flow'],
  ['calls', 'other calls'],
  ['broken', 'does not parse'],
  ['unfinished', 'unfinished'],
  ['follows', 'only what follows differs'],
  ['complete', 'complete, where the output is not'],
]);

/** A weight w of attention is stored as WEIGHT_STEPS times its root, what is not kept as UNKEPT_STEPS times its share. */
export const WEIGHT_STEPS = 255;
export const UNKEPT_STEPS = 65535;
/** Bits, where the colours of surprisal change. */
export const SURPRISAL_EDGES = Object.freeze([0.1, 0.5, 1, 2, 4]);
/** Bits of surprisal from which on a token is called uncertain. */
export const UNCERTAIN = 1;
/** The least probability of an alternative that is worth a word. */
export const LIKELY = 0.05;

/** The program whose recorded commands may be offered, the longest of them, and the kinds of its options. */
export const PROGRAM = 'tokenscope-record';
export const LONGEST_COMMAND = 1000;
export const OPTION = Object.freeze({ flag: 0, number: 1, name: 2, three_names: 3, text: 4, output: 5, left_out: 6, left_out_flag: 7 });
/** @type {{ readonly [name: string]: number | undefined }} */
export const OPTIONS = Object.freeze({
  '--chat': 0, '--fim': 0, '--score': 0, '--no-attention': 0, '--lens': 0, '--dry-run': 0, '--quiet': 0, '-q': 0, '--version': 0,
  '--max-new-tokens': 1, '--temperature': 1, '--top-p': 1, '--top-k': 1, '--min-p': 1, '--seed': 1, '--top-alternatives': 1,
  '--attention-top': 1, '--tree-nodes': 1, '--tree-width': 1, '--tree-depth': 1, '--tree-length': 1, '--tree-extra': 1,
  '--tree-min-prob': 1, '--tree-temperature': 1, '--decisions': 1, '--model': 2, '--revision': 2, '--device': 2, '--device-map': 2,
  '--dtype': 2, '--fim-order': 2, '--diff': 2, '--until': 2, '--language': 2, '--redact': 2, '--attention-layers': 2, '--lens-layers': 2,
  '--fim-tokens': 3, '--system': 4, '--stop': 4, '--fim-marker': 4, '--force-text': 4, '--force-token': 4, '--output': 5, '-o': 5,
  '--check': 6, '--check-folder': 6, '--check-timeout': 6, '--check-memory': 6, '--differences': 6, '--replay': 6, '--trust-remote-code': 7,
  '--allow-pickle': 7, '--force': 7,
});
