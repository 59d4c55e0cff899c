/** Mounts the views and turns what the reader does into the next state: actions come up as events, state goes down. */

import { mountCode } from '#viewer/code_view';
import { describe } from '#viewer/description';
import { part } from '#viewer/dom';
import { mountHelp } from '#viewer/help_view';
import { commandOf } from '#viewer/keys';
import { mountLegend } from '#viewer/legend_view';
import { mountLive } from '#viewer/live_view';
import { acrossLines, beside, endOfLine, jump } from '#viewer/navigation';
import { read } from '#viewer/reading';
import { INITIAL, isView, reduce, toHash } from '#viewer/state';
import { mountStrip } from '#viewer/strip_view';
import { mountTools } from '#viewer/theme_view';
import { mountToken } from '#viewer/token_view';
import { mountTooltip } from '#viewer/tooltip_view';

/** @typedef {import('#viewer/state').Action} Action */
/** @typedef {'push' | 'replace' | 'keep'} Entry what an action does to the history of the address */

/** @param {import('#viewer/trace').Trace} trace */
export function run(trace) {
  const reading = read(trace, trace.run['main_leaf']);
  const views = mount(reading);
  /** @type {Readonly<import('#viewer/state').State>} */
  let state = reduce(INITIAL, { type: 'address', hash: location.hash }, reading.limits);

  /** @param {Action} action @param {Entry} entry @param {boolean} [reveal] whether to bring the selection into sight */
  const act = (action, entry, reveal = true) => {
    state = reduce(state, action, reading.limits);
    update(reading, views, state, reveal);
    if (entry !== 'keep') writeAddress(toHash(state), entry);
  };
  const commands = commandsFor(reading, views, act, () => state);

  listenToKeys(commands, views);
  on('select', ({ node, by }) => commands.select?.(node, by === 'drag' ? 'replace' : 'push'));
  on('point', ({ node, cell }) => (node < 0 ? views.tooltip.hide() : views.tooltip.show(node, cell, reading.metricOf(state.metric))));
  on('colour', (key) => act({ type: 'colour', metric: key }, 'push', false));
  on('command', (command) => commands[command]?.());
  const followAddress = () => isView(location.hash) && act({ type: 'address', hash: location.hash }, 'keep');
  window.addEventListener('hashchange', followAddress);
  window.addEventListener('popstate', followAddress);
  update(reading, views, state, true);
}

/** @typedef {ReturnType<typeof mount>} Views */

/** @param {import('#viewer/reading').Reading} reading */
function mount(reading) {
  const views = {
    strip: mountStrip(part('strip'), reading),
    legend: mountLegend(part('legend'), reading.metrics),
    token: mountToken(part('token'), reading),
    tooltip: mountTooltip(reading),
    help: mountHelp(reading.metrics.map(({ label }) => label)),
    tools: mountTools(part('tools')),
    live: mountLive(part('live')),
    code: mountCode(part('code'), reading), // last: it takes the summary's place
  };
  part('status').hidden = true;
  document.body.classList.add('interactive');
  return views;
}

/** @param {import('#viewer/reading').Reading} reading @param {Views} views @param {Readonly<import('#viewer/state').State>} state @param {boolean} reveal */
function update(reading, views, state, reveal) {
  const metric = reading.metricOf(state.metric);
  const buckets = reading.bucketsFor(metric);
  const candidates = reading.uncertainOf(metric);
  document.body.classList.toggle('has-selection', state.selected >= 0);
  views.code.colour(buckets);
  views.token.update(state);
  views.legend.update(metric, candidates.length, candidates.indexOf(state.selected));
  views.strip.update(metric, state.selected);
  views.code.select(state.selected, reveal); // last: it scrolls to what the others have left room for
}

/**
 * What the reader can do, by name; false where the key is left to the browser.
 * @param {import('#viewer/reading').Reading} reading @param {Views} views
 * @param {(action: Action, entry: Entry, reveal?: boolean) => void} act
 * @param {() => Readonly<import('#viewer/state').State>} current
 * @returns {Record<string, (...details: any[]) => unknown>}
 */
function commandsFor(reading, views, act, current) {
  const { layout } = reading;
  const metric = () => reading.metricOf(current().metric);
  const select = (/** @type {number} */ node, /** @type {Entry} */ entry) => {
    act({ type: 'select', node }, entry);
    if (current().selected >= 0) views.live.say(spoken(reading, metric(), node));
  };
  const walk = (/** @type {number} */ node) => select(node, 'replace');
  const leap = (/** @type {1 | -1} */ direction) => {
    const node = jump(layout, current().selected, direction, reading.uncertainOf(metric()));
    if (node < 0) views.live.show(`No token of the output is uncertain by ${metric().label}.`);
    else select(node, 'push');
  };
  return {
    select,
    previous: () => walk(beside(layout, current().selected, -1)),
    next: () => walk(beside(layout, current().selected, 1)),
    above: () => walk(acrossLines(layout, current().selected, -1)),
    below: () => walk(acrossLines(layout, current().selected, 1)),
    'line-start': () => walk(endOfLine(layout, current().selected, -1)),
    'line-end': () => walk(endOfLine(layout, current().selected, 1)),
    'next-uncertain': () => leap(1),
    'previous-uncertain': () => leap(-1),
    'page-up': () => views.code.scrollPage(-1),
    'page-down': () => views.code.scrollPage(1),
    metric: (/** @type {string} */ key) => {
      const chosen = reading.metrics[Number(key) - 1];
      if (!chosen) return;
      act({ type: 'colour', metric: chosen.key }, 'push', false);
      views.live.say(`Colour: ${chosen.label}`);
    },
    explain: () => act({ type: 'explain' }, 'keep', false),
    'copy-link': () => copyLink().then(views.live.show),
    theme: () => {
      views.live.say(`Theme: ${views.tools.cycle()}`);
      views.strip.redraw();
    },
    help: () => views.help.show(),
    close: () => {
      views.tooltip.hide();
      if (current().selected >= 0) act({ type: 'select', node: -1 }, 'push');
    },
  };
}

/** @param {Record<string, (...details: any[]) => unknown>} commands @param {Views} views */
function listenToKeys(commands, views) {
  document.addEventListener('keydown', (event) => {
    if (views.help.open) return;
    const target = /** @type {HTMLElement} */ (event.target);
    const typing = target.isContentEditable || target.matches('input:not([type=radio]), textarea, select');
    const elsewhere = target !== document.body && !target.matches('.code, #code');
    const command = commands[commandOf(event, { typing, elsewhere })];
    if (command && command(event.key) !== false) event.preventDefault();
  });
}

/** A token for a screen reader. @param {import('#viewer/reading').Reading} reading @param {import('#viewer/metrics').Metric} metric @param {number} node */
function spoken(reading, metric, node) {
  const token = describe(reading.trace, reading.layout, node);
  return `${token.spoken}, ${metric.label} ${metric.format(reading.valuesOf(metric)[node] ?? NaN)}, line ${token.line}, ${token.origin}`;
}

/** @param {string} hash @param {'push' | 'replace'} entry */
function writeAddress(hash, entry) {
  if (hash === location.hash) return;
  history[entry === 'push' ? 'pushState' : 'replaceState'](null, '', hash || location.pathname + location.search);
}

/** @returns {Promise<string>} what to tell the reader */
async function copyLink() {
  try {
    await navigator.clipboard.writeText(location.href);
    return 'Link copied.';
  } catch {
    return 'The browser does not let this page copy; the link is in the address bar.';
  }
}

/** @param {string} name @param {(detail: any) => void} handle */
function on(name, handle) {
  document.addEventListener(`tokenscope:${name}`, (event) => handle(/** @type {CustomEvent} */ (event).detail));
}
