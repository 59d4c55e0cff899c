/** Where the selected token looked and who looked at it: a part of the panel, closed until it is asked for. */

import { choice, mountAttentionControls, rowsInWords } from '#viewer/elements/attention_controls';
import { h, tell, tokenText } from '#viewer/elements/dom';
import { mountHeadMap } from '#viewer/elements/head_map';
import { shareText, WEIGHT } from '#viewer/reading/attention';
import { count, percent } from '#viewer/reading/format';
import { bucketOf } from '#viewer/reading/metrics';
import { visibleNode } from '#viewer/reading/token_words';

const SHOWN = 8;

/** @typedef {import('#viewer/reading/reading').Reading} Reading */
/** @typedef {Readonly<import('#viewer/state').State>} State */
/** @typedef {import('#viewer/reading/attention').Look} Look */
/** @typedef {import('#viewer/reading/attention').Source} Source */
/** @typedef {import('#viewer/elements/head_map').Shown} Shown */
/** @typedef {import('#viewer/trace/trace').Trace} Trace */

/** @param {HTMLElement} root @param {Trace} trace @param {import('#viewer/reading/attention').Index} index */
export function mountAttention(root, trace, index) {
  /** @type {Shown} */
  let shown;
  let isOpen = false;
  let all = false; // whether the whole list is shown
  const toggle = button('', 'Attention of this token (a)', 'attention');
  const direction = choice('Direction', 'reverse', 'token', [
    ['where it looked', 'Earlier tokens, by the weight that they had'],
    ['who looked at it', 'Later tokens, by the weight that this one had for them'],
  ]);
  const looking = mountAttentionControls(index, 'token');
  const answer = h('div');
  const heads = mountHeadMap(index, () => shown);
  const lines = button('between all lines', 'Attention between lines (x)', 'matrix');
  const controls = [direction.element, looking.element];
  const body = h('div', { class: 'attention-body', hidden: true }, controls, answer, heads.element, smallPrint(index.attention), lines);
  root.replaceChildren(h('div', { class: 'section-head' }, h('h3', {}, 'Attention'), toggle), body);

  const draw = () => {
    const { look, state } = shown;
    heads.update();
    if (index.layers.length === 0) return answer.replaceChildren(remark('No layer has attention that could be recorded.'));
    if (look.none) return answer.replaceChildren(remark(look.none));
    answer.replaceChildren(remark(rowsInWords(index, state), ' ', sentence(trace, shown)), sources(trace, shown, all, turn));
  };
  /** The whole list, or its beginning. */
  const turn = () => {
    all = !all;
    draw();
    /** @type {HTMLElement | null} */ (answer.querySelector('.more button'))?.focus();
  };

  return {
    redraw: heads.redraw,
    /** @param {Reading} reading @param {State} state @param {Look | null} look null while it is closed */
    update(reading, state, look) {
      body.hidden = !look;
      toggle.textContent = look ? 'hide attention' : 'where it looked';
      toggle.setAttribute('aria-expanded', String(Boolean(look)));
      const isOpening = look && !isOpen;
      isOpen = look !== null;
      if (!look) return;
      if (shown?.look !== look) all = false;
      shown = { reading, state, look };
      direction.update(state);
      looking.update(state, state.reverse);
      draw();
      heads.refresh(); // its size is the same: measuring it would lay out the page once more
      if (isOpening) root.scrollIntoView({ block: 'start' });
    },
  };
}

/** @param {string} text @param {string} title @param {string} command */
function button(text, title, command) {
  const element = h('button', { type: 'button', class: 'quiet-button', title }, text);
  element.addEventListener('click', () => tell(element, 'command', command));
  return element;
}

/** What the numbers can and cannot say. @param {import('#viewer/trace/trace').Attention} attention */
function smallPrint({ absent, top }) {
  const reasons = new Map();
  for (const { layer, reason } of absent) reasons.set(reason, [...(reasons.get(reason) ?? []), layer]);
  return h('div', { class: 'small-print' },
    [...reasons].map(([reason, list]) => h('p', {}, `Layer${list.length > 1 ? 's' : ''} ${list.join(', ')}: no attention, ${reason}.`)),
    h('p', {}, `Each head kept its ${count(top)} heaviest sources, each to within 0.4 %. \u2265 is a lower bound: not every head kept it.`),
    h('p', {}, 'Attention shows where heads looked. It is no explanation.'));
}

/** What the list is of. @param {Trace} trace @param {Shown} shown @returns {import('#viewer/elements/dom').Child[]} */
function sentence(trace, { look, state }) {
  const token = tokenOf(trace, state.selected);
  if (state.reverse && state.own) return ['These places looked at ', token, ':'];
  if (state.reverse) return ['These tokens were predicted by places that looked at ', token, ':'];
  if (state.own) return ['The place of ', token, ' looked at:'];
  return ['The place before ', token, ', which is ', tokenOf(trace, look.query), ', predicted it and looked at:'];
}

/** @param {Trace} trace @param {Shown} shown @param {boolean} all @param {() => void} turn */
function sources(trace, { look, state, reading }, all, turn) {
  const entries = all ? look.list : look.list.slice(0, SHOWN);
  const rest = state.reverse ? [] : restOf(look, look.list.slice(entries.length));
  const more = h('button', { type: 'button', class: 'quiet-button' }, all ? 'fewer' : `all ${count(look.list.length)}`);
  more.addEventListener('click', turn);
  const heads = ['token', 'line', 'bar', 'weight'].map((name) => h('th', { scope: 'col' }, name));
  const rows = entries.map((source) => row('', wayTo(trace, source), `line ${count(lineOf(reading, source.node))}`, source.share, shareText(source)));
  const none = look.list.length ? '' : 'None kept it. ';
  return h('div', {},
    h('table', { class: 'sources attends' }, h('thead', { class: 'visually-hidden' }, h('tr', {}, heads)), h('tbody', {}, rows, rest)),
    state.reverse && remark(none, 'Those that did not keep it are not listed: the list is a lower bound.'),
    look.list.length > SHOWN && h('p', { class: 'more' }, more));
}

/** What is on no source of the list. @param {Look} look @param {Source[]} left */
function restOf({ aside, unkept }, left) {
  const sum = left.reduce((total, { share }) => total + share, 0);
  return [
    left.length > 0 && row('others', `${count(left.length)} other${left.length === 1 ? '' : 's'}`, '', sum, percent(sum)),
    aside > 0 && row('aside', 'set aside', '', aside, percent(aside)),
    row('unkept', 'not kept', '', unkept, percent(unkept)),
  ];
}

/** @param {Trace} trace @param {Source} source */
function wayTo(trace, { node, share }) {
  const element = h('button', { type: 'button', class: `go b${bucketOf(WEIGHT, share)}` }, tokenOf(trace, node));
  element.addEventListener('click', () => tell(element, 'select', { node, by: 'click' }));
  return element;
}

/** @param {Trace} trace @param {number} node */
function tokenOf(trace, node) {
  return tokenText(visibleNode(trace, node));
}

/** @param {string} className @param {import('#viewer/elements/dom').Child} what @param {string} where @param {number} share @param {string} number */
function row(className, what, where, share, number) {
  const fill = h('span');
  fill.style.width = `${Math.min(100, 100 * share)}%`;
  fill.hidden = !share;
  return h('tr', { class: className },
    h('th', { scope: 'row' }, what), h('td', { class: 'where' }, where),
    h('td', { class: 'bar-cell' }, h('div', { class: 'bars', aria: { hidden: 'true' } }, h('div', { class: 'bar' }, fill))),
    h('td', { class: 'value' }, number));
}

/** @param {Reading} reading @param {number} node */
function lineOf({ layout }, node) {
  return (layout.lineOf[layout.placeOf[node] ?? 0] ?? 0) + 1;
}

/** @param {import('#viewer/elements/dom').Children[]} words */
function remark(...words) {
  return h('p', { class: 'remark' }, words.flat());
}
