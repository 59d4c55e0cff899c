/** The rows of the alternatives panel: what the model weighed at a node, with what was written always among them. Pure. */

/**
 * @typedef {object} Row
 * @property {number} id of the token
 * @property {number} rank
 * @property {number} p
 * @property {number} q NaN where q is p
 * @property {boolean} written whether this token stands in the text
 */

/**
 * @typedef {object} Distribution
 * @property {Row[]} rows most probable first; what was written comes last where it is outside of the most probable
 * @property {{ p: number, q: number }} others the rest of the vocabulary, NaN where not measured
 * @property {boolean} sampled whether q differs from p anywhere here
 */

/** @param {import('#viewer/trace').Trace} trace @param {number} node @returns {Distribution | null} null where nothing was measured */
export function distributionAt(trace, node) {
  const { nodes, alternatives, alternativeOffsets } = trace;
  const logprob = nodes.logprob[node] ?? NaN;
  const id = nodes.token_id[node] ?? -1;
  const first = alternativeOffsets[node] ?? 0;
  const end = alternativeOffsets[node + 1] ?? 0;
  if (Number.isNaN(logprob) && first === end) return null;
  /** @type {Row[]} */
  const rows = [];
  for (let i = first; i < end; i++) {
    const p = Math.exp(alternatives.logprob[i] ?? NaN);
    const before = rows.at(-1);
    rows.push({
      id: alternatives.token_id[i] ?? -1,
      rank: before && before.p === p ? before.rank : rows.length + 1,
      p,
      q: Math.exp(alternatives.sampled_logprob[i] ?? NaN),
      written: alternatives.token_id[i] === id,
    });
  }
  const others = { p: nodes.tail[node] ?? NaN, q: nodes.sampled_tail[node] ?? NaN };
  if (!rows.some((row) => row.written) && !Number.isNaN(logprob)) {
    const written = { id, rank: nodes.rank[node] ?? 0, p: Math.exp(logprob), q: Math.exp(nodes.sampled_logprob[node] ?? NaN), written: true };
    rows.push(written);
    others.p = Math.max(0, others.p - written.p);
    others.q = Math.max(0, others.q - written.q);
  }
  return { rows, others, sampled: rows.some((row) => !Number.isNaN(row.q)) };
}
