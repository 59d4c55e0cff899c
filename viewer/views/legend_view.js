/** What the colours mean: the choice of metric, its scale with numbers, and the way from one uncertain token to the next. */

import { h, replace, signed, tell } from '#viewer/elements/dom';
import { scaleOf } from '#viewer/elements/scale_legend';
import { count } from '#viewer/reading/format';
import { marksOf } from '#viewer/reading/metrics';

/**
 * @param {HTMLElement} root
 * @param {readonly import('#viewer/reading/metrics').Metric[]} metrics
 */
export function mountLegend(root, metrics) {
  const inputs = metrics.map((metric) => h('input', { type: 'radio', name: 'metric', value: metric.key, class: 'visually-hidden' }));
  const choices = metrics.map((metric, i) => h('label', { title: `${metric.label} (${i + 1})` }, inputs[i], h('span', {}, metric.label)));
  const chooser = h('fieldset', { class: 'metrics' }, h('legend', {}, 'Colour'), choices);
  chooser.addEventListener('change', (event) => tell(chooser, 'colour', /** @type {HTMLInputElement} */ (event.target).value));
  const scale = h('div', { class: 'scale', role: 'img' });
  const previous = signed('\u2039', 'Previous uncertain token (p)', () => tell(root, 'command', 'previous-uncertain'));
  const next = signed('\u203a', 'Next uncertain token (n)', () => tell(root, 'command', 'next-uncertain'));
  const uncertain = h('span', { class: 'uncertain-count' });
  root.replaceChildren(chooser, scale, h('div', { class: 'jumps' }, previous, uncertain, next));

  return {
    /**
     * @param {import('#viewer/reading/metrics').Metric} metric @param {number} total uncertain tokens that can be walked
     * @param {number} index of the selected one, -1 for none
     * @param {import('#viewer/reading/metrics').Metric | null} instead what the code shows in its place
     */
    update(metric, total, index, instead) {
      const shown = instead ?? metric;
      for (const input of inputs) input.checked = input.value === shown.key;
      scale.setAttribute(
        'aria-label',
        `Scale of ${shown.label}: ${marksOf(shown).join(', ')} ${shown.unit}. More colour is more ${instead ? 'weight' : 'uncertain'}.`,
      );
      scale.classList.toggle('attends', instead !== null);
      replace(scale, scaleOf(shown, instead ? 'not kept' : 'not measured'));
      uncertain.textContent = total === 0 ? 'none uncertain' : index >= 0 ? `${count(index + 1)} of ${count(total)} uncertain` : `${count(total)} uncertain`;
      uncertain.style.minWidth = `${2 * count(total).length + 13}ch`; // walking moves nothing
      uncertain.title = `Uncertain: ${condition(metric)}`;
      previous.disabled = next.disabled = total === 0;
    },
  };
}

/** @param {import('#viewer/reading/metrics').Metric} metric */
function condition(metric) {
  const mark = marksOf(metric)[metric.uncertain];
  const unit = metric.unit ? ` ${metric.unit}` : '';
  return metric.falling ? `${metric.label} under ${mark}${unit}` : `${metric.label} at ${mark}${unit} or more`;
}
