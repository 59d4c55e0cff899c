/** The controls of how attention is looked at: whose row, which layer and head, with or without the first token. */

import { h, replace, tell } from '#viewer/elements/dom';
import { headCount } from '#viewer/reading/attention';
import { count } from '#viewer/reading/format';

/** @typedef {Readonly<import('#viewer/state').State>} State */

/**
 * Two ways, one of which is chosen.
 * @param {string} legend @param {'reverse' | 'own'} key @param {string} place distinguishes controls of one key
 * @param {[label: string, title: string][]} ways for false and for true
 */
export function choice(legend, key, place, ways) {
  const inputs = ways.map(() => h('input', { type: 'radio', name: `${place}-${key}`, class: 'visually-hidden' }));
  const labels = ways.map(([label, title], i) => h('label', { title }, inputs[i], h('span', {}, label)));
  for (const [i, input] of inputs.entries()) input.addEventListener('change', () => tell(input, 'look', { [key]: i === 1 }));
  return {
    element: h('fieldset', { class: 'metrics ways' }, h('legend', { class: 'visually-hidden' }, legend), labels),
    /** @param {State} state */
    update(state) {
      for (const [i, input] of inputs.entries()) input.checked = state[key] === (i === 1);
    },
  };
}

/** @param {import('#viewer/reading/attention').Index} index @param {string} place */
export function mountAttentionControls(index, place) {
  const own = choice('Whose row', 'own', place, [
    ['when predicted', 'The row of the token before it: it predicted this token'],
    ['from its own place', 'Its own row: what it saw goes into the tokens after it'],
  ]);
  const layer = select('Layer', [['all', -1], ...index.layers.map(({ layer }) => /** @type {[string, number]} */ ([String(layer), layer]))]);
  const head = select('Head', []);
  const aside = h('input', { type: 'checkbox', name: `${place}-aside` });
  const label = h('label', { title: 'Its weight is left out of colours and order, and told; the rest is not rescaled' }, aside, ' set the first token aside');
  layer.box.addEventListener('change', () => tell(layer.box, 'look', { layer: Number(layer.box.value), head: -1 }));
  head.box.addEventListener('change', () => tell(head.box, 'look', { head: Number(head.box.value) }));
  aside.addEventListener('change', () => tell(aside, 'look', { aside: aside.checked }));
  return {
    element: h('div', { class: 'looking' }, own.element, layer.label, head.label, label),
    /** @param {State} state @param {boolean} [reverse] */
    update(state, reverse = false) {
      own.update(state);
      layer.box.value = String(state.layer);
      const heads = index.layers.find(({ layer }) => layer === state.layer)?.heads ?? 0;
      replace(head.box, options([['all', -1], ...Array.from({ length: heads }, (_, i) => /** @type {[string, number]} */ ([String(i), i]))]));
      head.box.value = String(state.head);
      head.box.disabled = heads === 0;
      aside.checked = state.aside;
      label.hidden = reverse;
    },
  };
}

/** @param {string} name @param {[string, number][]} choices */
function select(name, choices) {
  const box = h('select', { aria: { label: name } }, options(choices));
  return { box, label: h('label', {}, `${name} `, box) };
}

/** @param {[string, number][]} choices */
function options(choices) {
  return choices.map(([text, value]) => h('option', { value: String(value) }, text));
}

/** Which rows are averaged, in words. @param {import('#viewer/reading/attention').Index} index @param {State} state */
export function rowsInWords(index, state) {
  if (state.head >= 0) return `Layer ${state.layer}, head ${state.head}.`;
  const where = state.layer >= 0 ? `of layer ${state.layer}` : `in ${count(index.layers.length)} layer${index.layers.length === 1 ? '' : 's'}`;
  return `Mean of ${count(headCount(index, state))} heads ${where}.`;
}
