/** The panel of the selected token: what it is, its numbers, what else the model weighed and where that led. */

import { closer, h, replace, tell, tokenText } from '#viewer/elements/dom';
import { distributionAt } from '#viewer/reading/alternatives';
import { count, percent } from '#viewer/reading/format';
import { bucketOf, MISSING } from '#viewer/reading/metrics';
import { kindOf, percentile, whereIs } from '#viewer/reading/syntax';
import { piecesOfToken, spoken } from '#viewer/reading/text';
import { describe, visibleId, visibleText } from '#viewer/reading/token_words';
import { ORIGIN } from '#viewer/trace/schema';

const PREVIEW = 24; // tokens of a branch
const FEW = 10; // tokens of a kind, below which a place among them says little
/** @type {readonly number[]} */
const WITHOUT_BRANCHES = [ORIGIN.prompt, ORIGIN.scored];

/** @param {HTMLElement} root @param {...HTMLElement} end what stands below the alternatives, other views' */
export function mountToken(root, ...end) {
  replace(root, end); // they stay where they are, so that what has the focus keeps it
  return {
    /** @param {import('#viewer/reading/reading').Reading} reading @param {Readonly<import('#viewer/state').State>} state */
    update(reading, state) {
      const { trace, layout } = reading;
      const node = state.selected;
      root.hidden = node < 0;
      const scroll = root.scrollTop;
      for (const child of [...root.children]) if (!end.includes(/** @type {HTMLElement} */ (child))) child.remove();
      if (node < 0) return;
      const active = reading.metricOf(state.metric);
      const step = stepOf(active, reading.valuesOf(active)[node] ?? NaN);
      const shown = [
        identity(node, describe(trace, layout, node), step),
        syntax(reading, node, active) ?? '',
        expected(trace, node),
        numbers(reading, node, state),
        alternatives(reading, node),
      ];
      for (const element of shown.flat().reverse()) root.prepend(element);
      if (scroll) root.scrollTop = scroll; // which lays the page out
    },
  };
}

/** The class of a value's colour. @param {import('#viewer/reading/metrics').Metric} metric @param {number} value */
function stepOf(metric, value) {
  const bucket = bucketOf(metric, value);
  return bucket === MISSING ? 'missing' : `b${bucket}`;
}

/** @param {import('#viewer/reading/token_words').Description} token */
function heading(token) {
  const copy = h('button', { type: 'button', class: 'quiet-button', title: 'Copy a link to this view (y)' }, 'copy link');
  copy.addEventListener('click', () => tell(copy, 'command', 'copy-link'));
  const close = closer('Close (Esc)', () => tell(close, 'command', 'deselect'));
  return h('header', { class: 'panel-head' }, h('h2', {}, `${token.origin} token ${token.position.split(' ')[0]}`), copy, close);
}

/** @param {number} node @param {import('#viewer/reading/token_words').Description} token @param {string} step */
function identity(node, token, step) {
  const place = `${token.origin} ${token.position} \u00b7 line ${count(token.line)}, column ${count(token.column)}`;
  const lines = [
    heading(token),
    h('p', { class: `specimen ${step}` }, tokenText(token.parts)),
    h('p', { class: 'facts-line' }, place),
    h('p', { class: 'facts-line' }, `id ${token.id} \u00b7 node ${node} \u00b7 `, h('span', { class: 'bytes' }, token.bytes)),
  ];
  return token.remark ? [...lines, h('p', { class: 'remark' }, token.remark)] : lines;
}

/**
 * What the token is to the syntax, and its place among those of its kind.
 * @param {import('#viewer/reading/reading').Reading} reading @param {number} node @param {import('#viewer/reading/metrics').Metric} metric
 */
function syntax({ structureAt, tokensOfKind, valuesOf }, node, metric) {
  const found = structureAt(node);
  const { kind, statement } = found ? whereIs(found, node) : { kind: '', statement: -1 };
  if (!found || !kind) return null;
  const values = valuesOf(metric);
  const value = values[node] ?? NaN;
  const { share, count: n } = percentile(tokensOfKind(kind).map((one) => values[one] ?? NaN), value);
  const own = statement < 0 ? '' : kindOf(found.table, statement);
  return h(
    'p',
    { class: 'facts-line' },
    `${kind}${own && own !== kind ? ` in ${own}` : ''}`,
    !Number.isNaN(value) && n >= FEW && ` \u00b7 ${metric.label} larger than in ${percent(share)} of the ${count(n)} ${kind} tokens here`,
  );
}

/**
 * What the model would have said in place of scored code, where it is something else.
 * @param {import('#viewer/trace/trace').Trace} trace @param {number} node
 */
function expected(trace, node) {
  const first = trace.alternativeOffsets[node] ?? 0;
  if (trace.nodes.origin[node] !== ORIGIN.scored || (trace.nodes.rank[node] ?? 0) < 2 || !trace.nodes.alternative_count[node]) return [];
  const name = tokenText(visibleId(trace, trace.alternatives.token_id[first] ?? 0));
  return [h('p', { class: 'remark expected' }, 'The model expected ', name, ` here (${percent(Math.exp(trace.alternatives.logprob[first] ?? NaN))}).`)];
}

/** @param {import('#viewer/reading/reading').Reading} reading @param {number} node @param {Readonly<import('#viewer/state').State>} state */
function numbers(reading, node, state) {
  const explain = h('button', {
    type: 'button', class: 'quiet-button', aria: { expanded: String(state.definitions) }, title: 'What each number means (d)',
  }, state.definitions ? 'hide meanings' : 'what they mean');
  explain.addEventListener('click', () => tell(explain, 'command', 'explain'));
  const rows = reading.metrics.map((metric) => number(reading, node, metric, state));
  const noise = reading.trace.nodes.noise[node] ?? NaN;
  if (!Number.isNaN(noise)) rows.push(quietNumber('noise', `${noise && noise.toExponential(1)} nats`, state.definitions && definition(reading.trace, 'noise')));
  return h('section', {}, h('div', { class: 'section-head' }, h('h3', {}, 'Numbers'), explain), h('dl', { class: 'numbers' }, rows));
}

/**
 * @param {import('#viewer/reading/reading').Reading} reading @param {number} node
 * @param {import('#viewer/reading/metrics').Metric} metric @param {Readonly<import('#viewer/state').State>} state
 */
function number(reading, node, metric, state) {
  const { trace } = reading;
  const value = reading.valuesOf(metric)[node] ?? NaN;
  const vocabulary = trace.run['model'].vocab_size;
  const range = metric.key === 'rank' && !Number.isNaN(value) && typeof vocabulary === 'number' ? ` of ${count(vocabulary)}` : '';
  const dot = h('span', { class: `dot ${stepOf(metric, value)}`, aria: { hidden: 'true' } });
  return h('div', { class: metric.key === state.metric ? 'number active' : 'number' },
    h('dt', {}, metric.key === 'sampled_logprob' ? 'sampled with' : metric.label),
    h('dd', { class: Number.isNaN(value) ? 'absent' : '' }, dot, metric.format(value), range),
    state.definitions && h('dd', { class: 'definition' }, metric.definition ?? definition(trace, metric.key)));
}

/** A number that colours nothing. @param {string} name @param {string} value @param {string | false} meaning */
function quietNumber(name, value, meaning) {
  return h('div', { class: 'number' }, h('dt', {}, name), h('dd', { class: 'absent' }, value), meaning && h('dd', { class: 'definition' }, meaning));
}

/** @param {import('#viewer/trace/trace').Trace} trace @param {string} key */
function definition(trace, key) {
  const entry = trace.definitions[key];
  if (!entry) return 'This recording does not define it.';
  if (key === 'sampled_logprob') return `q, from ${entry.definition}`;
  return `${entry.definition}${entry.unit ? `, in ${entry.unit}` : ''}`;
}

/** @param {import('#viewer/reading/reading').Reading} reading @param {number} node */
function alternatives(reading, node) {
  const { trace, tree } = reading;
  const siblings = tree.siblings(node);
  const found = distributionAt(trace, node, siblings);
  const section = h('section', { class: 'weighed' }, h('div', { class: 'section-head' }, h('h3', {}, 'Alternatives')));
  if (!found) {
    const isRoot = trace.nodes.parent[node] === -1;
    section.append(h('p', { class: 'remark' }, isRoot ? 'Nothing came before the first token, so nothing predicted it.' : 'Not measured here.'));
    return section;
  }
  const { rows, others, sampled } = found;
  const heads = ['token', 'share', 'p', ...(sampled ? ['q'] : [])].map((name) => h('th', { scope: 'col' }, name));
  const most = trace.nodes.alternative_count[node] ?? 0;
  const body = h(
    'tbody',
    {},
    rows.flatMap((row) => {
      const name = row.written ? 'written' : row.node >= 0 ? 'continued' : '';
      const line = tableRow(name, tokenCell(reading, node, row, most), row.p, sampled ? row.q : undefined);
      return name === 'continued' ? [line, preview(reading, row.node, sampled ? 4 : 3)] : [line];
    }),
  );
  if (!Number.isNaN(others.p))
    body.append(tableRow('tail', h('th', { scope: 'row', class: 'others' }, 'all others'), others.p, sampled ? others.q : undefined));
  section.append(h('table', { class: 'alternatives' }, h('thead', { class: 'visually-hidden' }, h('tr', {}, heads)), body));
  if (siblings.length > 1) {
    const covered = `The continuations recorded here cover ${percent(tree.explored(node))} of the probability at this token.`;
    section.append(h('p', { class: 'remark explored' }, `${covered} That is how much was looked at, not a probability of being right.`));
  }
  if (sampled) {
    const source = `q, sampled from${processors(trace)}`;
    section.append(h('p', { class: 'key' }, h('span', { class: 'key-p' }, 'p, the model\u2019s own'), h('span', { class: 'key-q' }, source)));
  }
  return section;
}

/**
 * @param {import('#viewer/reading/reading').Reading} reading @param {number} node @param {import('#viewer/reading/alternatives').Row} row
 * @param {number} most how many alternatives are stored
 */
function tokenCell({ trace, tree }, node, row, most) {
  const name = trace.isSpecialId(row.id) ? 'token chip' : 'token';
  const text = tokenText(visibleId(trace, row.id));
  const title = `id ${row.id}, rank ${row.rank}`;
  const outside = row.rank > most && h('span', { class: 'rank' }, ` rank ${count(row.rank)}`);
  if (row.written || WITHOUT_BRANCHES.includes(trace.nodes.origin[node] ?? 0))
    return h('th', { scope: 'row' }, h('span', { class: name, title }, text), outside);
  const said = spoken(piecesOfToken(trace.bytesOfId(row.id)));
  const branch = tree.branchOf(row.node);
  const end = branch < 0 ? 'the main path' : `ends: ${tree.endOf(branch)}`;
  const label =
    row.node < 0 ? `How to record the branch with \u2018${said}\u2019` : `Show the branch with \u2018${said}\u2019, ${percent(row.p)}, ${end}`;
  const button = h(
    'button',
    { type: 'button', class: `${name} go`, title: row.node < 0 ? `${title}: not recorded` : `${title}: ${end}`, aria: { label } },
    text,
  );
  button.addEventListener('click', () =>
    row.node < 0 ? tell(button, 'unrecorded', row.id) : tell(button, 'select', { node: row.node, by: 'click' }),
  );
  return h('th', { scope: 'row' }, button, outside);
}

/**
 * How a branch goes on, in one line.
 * @param {import('#viewer/reading/reading').Reading} reading @param {number} node its first @param {number} columns of the table
 */
function preview({ trace, tree }, node, columns) {
  const leaf = tree.leafOf(tree.branchOf(node));
  const text = visibleText(trace, trace.path(leaf).filter((one) => one >= node).slice(0, PREVIEW));
  const led = tree.outcomeOf(tree.branchOf(node));
  const cell = h('td', {}, tokenText(text), led && h('span', { class: 'led-to' }, led));
  cell.colSpan = columns;
  return h('tr', { class: 'preview' }, cell);
}

/** @param {string} className @param {HTMLElement} label @param {number} p @param {number | undefined} q */
function tableRow(className, label, p, q) {
  const bars = h('div', { class: 'bars', aria: { hidden: 'true' } }, bar('bar', p), q !== undefined && bar('bar second', q));
  const row = h('tr', { class: className }, label, h('td', { class: 'bar-cell' }, bars), h('td', { class: 'value' }, percent(p)));
  if (q !== undefined) row.append(h('td', { class: 'value second' }, percent(q)));
  return row;
}

/** @param {string} className @param {number} share in [0, 1] */
function bar(className, share) {
  const fill = h('span');
  fill.hidden = !(share > 0);
  fill.style.width = `${100 * share}%`;
  return h('div', { class: className }, fill);
}

/** @param {import('#viewer/trace/trace').Trace} trace */
function processors(trace) {
  const { temperature, top_p: topP, top_k: topK, min_p: minP } = trace.run['sampling'];
  const named = Object.entries({ temperature, 'top-p': topP, 'top-k': topK, 'min-p': minP }).filter(([, value]) => value !== null && value !== undefined);
  return named.length ? ` (${named.map(([name, value]) => `${name} ${value}`).join(', ')})` : '';
}
