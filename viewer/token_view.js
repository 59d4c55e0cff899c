/** The panel of the selected token: what it is, its numbers, what else the model weighed. */

import { h, tell, tokenText } from '#viewer/dom';
import { describe, visibleId } from '#viewer/description';
import { distributionAt } from '#viewer/distribution';
import { count, percent } from '#viewer/format';
import { bucketOf, MISSING } from '#viewer/metrics';

/**
 * @param {HTMLElement} root
 * @param {import('#viewer/trace').Trace} trace
 * @param {import('#viewer/layout').Layout} layout
 * @param {readonly import('#viewer/metrics').Metric[]} metrics
 * @param {(metric: import('#viewer/metrics').Metric) => Float32Array} valuesOf
 */
export function mountToken(root, trace, layout, metrics, valuesOf) {
  return {
    /** @param {Readonly<import('#viewer/state').State>} state */
    update(state) {
      root.hidden = state.selected < 0;
      if (state.selected < 0) return root.replaceChildren();
      const node = state.selected;
      const scroll = root.scrollTop;
      const active = metrics.find(({ key }) => key === state.metric);
      const bucket = active ? bucketOf(active, valuesOf(active)[node] ?? NaN) : MISSING;
      root.replaceChildren(
        heading(node),
        ...identity(describe(trace, layout, node), bucket),
        numbers(trace, node, metrics, valuesOf, state),
        alternatives(trace, node),
      );
      root.scrollTop = scroll;
    },
  };
}

/** @param {number} node */
function heading(node) {
  const copy = h('button', { type: 'button', class: 'quiet-button', title: 'Copy a link to this view (y)' }, 'copy link');
  copy.addEventListener('click', () => tell(copy, 'command', 'copy-link'));
  const close = h('button', { type: 'button', class: 'quiet-button close', title: 'Close (Esc)', aria: { label: 'Close' } }, '\u00d7');
  close.addEventListener('click', () => tell(close, 'command', 'close'));
  return h('header', { class: 'panel-head' }, h('h2', {}, `Token ${node}`), copy, close);
}

/** @param {import('#viewer/description').Description} token @param {number} bucket */
function identity(token, bucket) {
  const text = tokenText(token.parts);
  return [
    h('p', { class: `specimen ${bucket === MISSING ? 'missing' : `b${bucket}`}` }, text),
    h('p', { class: 'facts-line' }, `${token.origin} ${token.position} \u00b7 line ${count(token.line)}, column ${count(token.column)}`),
    h('p', { class: 'facts-line' }, `id ${token.id} \u00b7 `, h('span', { class: 'bytes' }, token.bytes)),
    token.remark && h('p', { class: 'remark' }, token.remark),
  ].filter((element) => element !== '');
}

/**
 * @param {import('#viewer/trace').Trace} trace @param {number} node
 * @param {readonly import('#viewer/metrics').Metric[]} metrics
 * @param {(metric: import('#viewer/metrics').Metric) => Float32Array} valuesOf
 * @param {Readonly<import('#viewer/state').State>} state
 */
function numbers(trace, node, metrics, valuesOf, state) {
  const explain = h('button', { type: 'button', class: 'quiet-button', aria: { expanded: String(state.definitions) }, title: 'What each number means (d)' }, state.definitions ? 'hide meanings' : 'what they mean');
  explain.addEventListener('click', () => tell(explain, 'command', 'explain'));
  const list = h('dl', { class: 'numbers' });
  for (const metric of metrics) {
    const value = valuesOf(metric)[node] ?? NaN;
    const vocabulary = trace.run['model'].vocab_size;
    const suffix = metric.key === 'rank' && !Number.isNaN(value) && typeof vocabulary === 'number' ? ` of ${count(vocabulary)}` : '';
    const bucket = bucketOf(metric, value);
    list.append(
      h('div', { class: metric.key === state.metric ? 'number active' : 'number' },
        h('dt', {}, metric.key === 'sampled_logprob' ? 'sampled with' : metric.label),
        h('dd', { class: Number.isNaN(value) ? 'absent' : '' }, h('span', { class: `dot ${bucket === MISSING ? 'missing' : `b${bucket}`}`, aria: { hidden: 'true' } }), metric.format(value), suffix),
        state.definitions && h('dd', { class: 'definition' }, definition(trace, metric.key))),
    );
  }
  return h('section', {}, h('div', { class: 'section-head' }, h('h3', {}, 'Numbers'), explain), list);
}

/** @param {import('#viewer/trace').Trace} trace @param {string} key */
function definition(trace, key) {
  const entry = trace.definitions[key];
  if (!entry) return 'This recording does not define it.';
  return `${entry.definition}${entry.unit ? `, in ${entry.unit}` : ''}`;
}

/** @param {import('#viewer/trace').Trace} trace @param {number} node */
function alternatives(trace, node) {
  const found = distributionAt(trace, node);
  const section = h('section', { class: 'weighed' }, h('div', { class: 'section-head' }, h('h3', {}, 'Alternatives')));
  if (!found) {
    const isRoot = trace.nodes.parent[node] === -1;
    section.append(h('p', { class: 'remark' }, isRoot ? 'Nothing came before the first token, so nothing predicted it.' : 'Not measured here.'));
    return section;
  }
  const { rows, others, sampled } = found;
  const head = h('tr', {}, h('th', { scope: 'col' }, 'token'), h('th', { scope: 'col', class: 'bar-head' }, 'share'), h('th', { scope: 'col' }, 'p'), sampled && h('th', { scope: 'col' }, 'q'));
  const body = h('tbody');
  for (const row of rows) {
    const outside = row.written && row.rank > rows.length;
    const special = trace.isSpecialId(row.id);
    const token = h('th', { scope: 'row' }, h('span', { class: special ? 'token chip' : 'token', title: `id ${row.id}, rank ${row.rank}` }, tokenText(visibleId(trace, row.id))), outside && h('span', { class: 'rank' }, ` rank ${count(row.rank)}`));
    body.append(tableRow(row.written ? 'written' : '', token, row.p, sampled ? row.q : undefined));
  }
  const label = h('th', { scope: 'row', class: 'others' }, 'all others');
  if (!Number.isNaN(others.p)) body.append(tableRow('tail', label, others.p, sampled ? others.q : undefined));
  section.append(h('table', { class: sampled ? 'alternatives two' : 'alternatives' }, h('thead', { class: 'visually-hidden' }, head), body));
  if (sampled) section.append(h('p', { class: 'key' }, h('span', { class: 'swatch-p' }), 'p the model\u2019s own', h('span', { class: 'swatch-q' }), `q sampled from${processors(trace)}`));
  return section;
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

/** @param {import('#viewer/trace').Trace} trace */
function processors(trace) {
  const { temperature, top_p: topP, top_k: topK, min_p: minP } = trace.run['sampling'];
  const named = Object.entries({ temperature, 'top-p': topP, 'top-k': topK, 'min-p': minP }).filter(([, value]) => value !== null && value !== undefined);
  return named.length ? ` (${named.map(([name, value]) => `${name} ${value}`).join(', ')})` : '';
}
