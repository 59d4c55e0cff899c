/** What branches led to, in words. Pure. */

import { OUTCOME_WORDS } from '#viewer/trace/schema';

/** What a branch led to; null where nothing is known of it. @param {import('#viewer/trace/trace').Trace} trace @param {number} branch */
export function outcomeOf({ outcomes }, branch) {
  const found = OUTCOME_WORDS[outcomes.outcome[branch] ?? -1];
  return found ? { key: found[0], words: found[1] } : null;
}
