/** The steps of a scale with their numbers, for every legend. */

import { h } from '#viewer/elements/dom';
import { BUCKETS, marksOf } from '#viewer/reading/metrics';

/** @param {import('#viewer/reading/metrics').Metric} metric @param {string} without what a token without a number is */
export function scaleOf(metric, without) {
  const marks = marksOf(metric);
  const steps = Array.from({ length: BUCKETS }, (_, bucket) => step('step', `b${bucket}`, marks[bucket] ?? ''));
  return [...steps, h('span', { class: 'unit' }, metric.unit), step('step none', 'missing', without)];
}

/** @param {string} className @param {string} colour @param {string} mark */
function step(className, colour, mark) {
  return h('span', { class: className }, h('span', { class: `swatch ${colour}` }), h('span', { class: /^[a-z]+$/.test(mark) ? 'mark word' : 'mark' }, mark));
}
