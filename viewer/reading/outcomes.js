/** What branches led to, in words: the viewer's names of the values of outcomes.outcome. Pure. */

/** By value: a key for the style and the words. @type {readonly (readonly [string, string])[]} */
export const OUTCOMES = [
  ['unknown', 'not compared'], ['same', 'the same text again'], ['same', 'the same program'], ['renamed', 'the same but for names'],
  ['expression', 'another expression'], ['control', 'other control flow'], ['calls', 'other calls'],
  ['broken', 'does not parse'], ['unfinished', 'unfinished'],
];

/** What a branch led to; null where nothing is known of it. @param {import('#viewer/trace/trace').Trace} trace @param {number} branch */
export function outcomeOf({ outcomes }, branch) {
  const found = OUTCOMES[outcomes.outcome[branch] ?? -1];
  return found ? { key: found[0], words: found[1] } : null;
}
