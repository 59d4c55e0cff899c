/** The rows of the alternatives panel: what the model weighed at a node, with what was written or continued always among them. Pure. */

/**
 * @typedef {object} Row
 * @property {number} id of the token
 * @property {number} rank
 * @property {number} p
 * @property {number} q NaN where q is p
 * @property {boolean} written whether this token stands in the text
 * @property {number} node that continues with this token, -1 where none was recorded
 */

/**
 * @typedef {object} Distribution
 * @property {Row[]} rows most probable first; what was written or continued comes last where it is outside of the most probable
 * @property {{ p: number, q: number }} others the rest of the vocabulary, NaN where not measured
 * @property {boolean} sampled whether q differs from p anywhere here
 */

/**
 * @param {import('#viewer/trace/trace').Trace} trace @param {number} node
 * @param {readonly number[]} siblings nodes that were continued in this place
 * @returns {Distribution | null} null where nothing was measured
 */
export function distributionAt(trace, node, siblings = [node]) {
  const { nodes, alternatives, alternativeOffsets } = trace;
  const logprob = nodes.logprob[node] ?? NaN;
  const id = nodes.token_id[node] ?? -1;
  const first = alternativeOffsets[node] ?? 0;
  const end = alternativeOffsets[node + 1] ?? 0;
  if (Number.isNaN(logprob) && first === end) return null;
  const continued = new Map([...siblings, node].map((one) => [nodes.token_id[one] ?? -1, one]));
  /** @type {Row[]} */
  const rows = [];
  for (let i = first; i < end; i++) {
    const p = Math.exp(alternatives.logprob[i] ?? NaN);
    const before = rows.at(-1);
    const alternative = alternatives.token_id[i] ?? -1;
    rows.push({
      id: alternative,
      rank: before && before.p === p ? before.rank : rows.length + 1,
      p,
      q: Math.exp(alternatives.sampled_logprob[i] ?? NaN),
      written: alternative === id,
      node: continued.get(alternative) ?? -1,
    });
    continued.delete(alternative);
  }
  const others = { p: nodes.tail[node] ?? NaN, q: nodes.sampled_tail[node] ?? NaN };
  const outside = [...continued.values()].filter((one) => !Number.isNaN(nodes.logprob[one]));
  for (const one of outside.sort((a, b) => (nodes.rank[a] ?? 0) - (nodes.rank[b] ?? 0))) {
    const [p, q] = [Math.exp(nodes.logprob[one] ?? NaN), Math.exp(nodes.sampled_logprob[one] ?? NaN)];
    rows.push({ id: nodes.token_id[one] ?? -1, rank: nodes.rank[one] ?? 0, p, q, written: one === node, node: one });
    others.p = Math.max(0, others.p - p);
    others.q = Math.max(0, others.q - q);
  }
  return { rows, others, sampled: rows.some((row) => !Number.isNaN(row.q)) };
}
