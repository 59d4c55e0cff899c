/** What the colours mean: the choice of metric, its scale with numbers, and the way from one uncertain token to the next. */

import { h, tell } from '#viewer/dom';
import { count } from '#viewer/format';
import { BUCKETS, marksOf } from '#viewer/metrics';

/**
 * @param {HTMLElement} root
 * @param {readonly import('#viewer/metrics').Metric[]} metrics
 */
export function mountLegend(root, metrics) {
  const inputs = metrics.map((metric) => h('input', { type: 'radio', name: 'metric', value: metric.key, class: 'visually-hidden' }));
  const choices = metrics.map((metric, i) => h('label', { title: `${metric.label} (${i + 1})` }, inputs[i], h('span', {}, metric.label)));
  const chooser = h('fieldset', { class: 'metrics' }, h('legend', {}, 'Colour'), ...choices);
  chooser.addEventListener('change', (event) => tell(chooser, 'colour', /** @type {HTMLInputElement} */ (event.target).value));
  const scale = h('div', { class: 'scale', role: 'img' });
  const previous = jump('previous-uncertain', '\u2039', 'Previous uncertain token (p)');
  const next = jump('next-uncertain', '\u203a', 'Next uncertain token (n)');
  const uncertain = h('span', { class: 'uncertain-count' });
  root.replaceChildren(chooser, scale, h('div', { class: 'jumps' }, previous, uncertain, next));

  return {
    /** @param {import('#viewer/metrics').Metric} metric @param {number} total uncertain tokens of the output @param {number} index of the selected one, -1 for none */
    update(metric, total, index) {
      const marks = marksOf(metric);
      for (const input of inputs) input.checked = input.value === metric.key;
      scale.setAttribute('aria-label', `Scale of ${metric.label}: ${marks.join(', ')} ${metric.unit}. More colour is more uncertain.`);
      const steps = Array.from({ length: BUCKETS }, (_, bucket) => step('step', `b${bucket}`, marks[bucket] ?? ''));
      scale.replaceChildren(...steps, h('span', { class: 'unit' }, metric.unit), step('step none', 'missing', 'not measured'));
      uncertain.textContent = total === 0 ? 'none uncertain' : index >= 0 ? `${count(index + 1)} of ${count(total)} uncertain` : `${count(total)} uncertain`;
      uncertain.title = `Uncertain: ${condition(metric)}`;
      previous.disabled = next.disabled = total === 0;
    },
  };
}

/** @param {string} className @param {string} colour @param {string} mark */
function step(className, colour, mark) {
  return h('span', { class: className }, h('span', { class: `swatch ${colour}` }), h('span', { class: 'mark' }, mark));
}

/** @param {import('#viewer/metrics').Metric} metric */
function condition(metric) {
  const mark = marksOf(metric)[metric.uncertain];
  const unit = metric.unit ? ` ${metric.unit}` : '';
  return metric.falling ? `${metric.label} under ${mark}${unit}` : `${metric.label} of ${mark}${unit} or more`;
}

/** @param {string} command @param {string} sign @param {string} title */
function jump(command, sign, title) {
  const button = h('button', { type: 'button', class: 'jump', title, aria: { label: title } }, sign);
  button.addEventListener('click', () => tell(button, 'command', command));
  return button;
}
