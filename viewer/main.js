/** Opens the recording, mounts the views, and turns what the reader does into the next state. */

import { mountCode } from '#viewer/code_view';
import { describe } from '#viewer/description';
import { part } from '#viewer/dom';
import { mountHelp } from '#viewer/help_view';
import { commandOf } from '#viewer/keys';
import { layOut } from '#viewer/layout';
import { mountLegend } from '#viewer/legend_view';
import { bucketsOf, metricsOf, MISSING } from '#viewer/metrics';
import { acrossLines, beside, endOfLine, uncertain } from '#viewer/navigation';
import { PayloadError, unpackPayload } from '#viewer/payload';
import { INITIAL, reduce, toHash } from '#viewer/state';
import { mountStrip } from '#viewer/strip_view';
import { mountTools, restoreTheme } from '#viewer/theme_view';
import { mountToken } from '#viewer/token_view';
import { mountTooltip } from '#viewer/tooltip_view';
import { readTrace } from '#viewer/trace';

/** @typedef {import('#viewer/metrics').Metric} Metric */

const FORMAT = '1';
const LARGE = 1 << 20;

restoreTheme();
open().then(start).catch(refuse);

/** The recording inside this page. */
async function open() {
  const template = /** @type {HTMLTemplateElement} */ (part('trace'));
  const { format, bytes } = template.dataset;
  if (format !== FORMAT) throw new PayloadError(`This recording has format version ${format}, which is newer than this page can read (version ${FORMAT}).`);
  const base64 = template.content.textContent ?? '';
  if (base64.length > LARGE) await new Promise((resolve) => setTimeout(resolve)); // lets the summary be seen first
  const payload = await unpackPayload(base64, Number(bytes));
  template.remove();
  try {
    return readTrace(payload);
  } catch (error) {
    throw new PayloadError(`The recording inside this file cannot be read: ${error instanceof Error ? error.message : error}.`);
  }
}

/** Say why only the summary is there. @param {unknown} error */
function refuse(error) {
  const status = part('status');
  const reason = error instanceof PayloadError ? error.message : `The interactive view failed: ${error instanceof Error ? error.message : error}.`;
  status.textContent = `${reason} What follows is the summary.`;
  status.classList.add('failed');
  if (!(error instanceof PayloadError)) throw error;
}

/** @param {import('#viewer/trace').Trace} trace */
function start(trace) {
  const layout = layOut(trace, trace.path(trace.run['main_leaf']));
  const metrics = metricsOf(trace.nodes);
  const limits = { isShown: (/** @type {number} */ node) => (layout.placeOf[node] ?? -1) >= 0, metrics: metrics.map(({ key }) => key) };
  const valuesOf = remembered((/** @type {Metric} */ metric) => metric.values(trace.nodes));
  const bucketsFor = remembered((/** @type {Metric} */ metric) => bucketsOf(metric, valuesOf(metric)));
  const uncertainOf = remembered((/** @type {Metric} */ metric) => Array.from(layout.outputPlaces, (place) => layout.order[place] ?? -1).filter((node) => isUncertain(metric, node)));
  const isUncertain = (/** @type {Metric} */ metric, /** @type {number} */ node) => {
    const bucket = bucketsFor(metric)[node] ?? MISSING;
    return bucket !== MISSING && bucket >= metric.uncertain;
  };

  const code = mountCode(part('code'), trace, layout);
  const strip = mountStrip(part('strip'), trace, layout);
  const legend = mountLegend(part('legend'), metrics);
  const token = mountToken(part('token'), trace, layout, metrics, valuesOf);
  const tooltip = mountTooltip(trace, layout, valuesOf);
  const help = mountHelp(metrics.map(({ label }) => label));
  const tools = mountTools(part('tools'));
  const live = part('live');
  part('status').hidden = true;
  document.body.classList.add('interactive');

  /** @type {Readonly<import('#viewer/state').State>} */
  let state = reduce(INITIAL, { type: 'address', hash: location.hash }, limits);
  let coloured = '';
  const metric = () => /** @type {Metric} */ (metrics.find(({ key }) => key === state.metric));

  /** @param {boolean} reveal */
  const update = (reveal) => {
    document.body.classList.toggle('has-selection', state.selected >= 0);
    if (coloured !== state.metric) code.colour(bucketsFor(metric()));
    coloured = state.metric;
    token.update(state);
    const candidates = uncertainOf(metric());
    legend.update(metric(), candidates.length, candidates.indexOf(state.selected));
    strip.update(metric(), valuesOf(metric()), bucketsFor(metric()), state.selected);
    code.select(state.selected, reveal); // last: it scrolls to what the others have left room for
  };

  /** @param {import('#viewer/state').Action} action @param {'push' | 'replace' | 'keep'} address @param {boolean} [reveal] */
  const act = (action, address, reveal = true) => {
    state = reduce(state, action, limits);
    update(reveal && action.type !== 'explain');
    const hash = toHash(state);
    if (address === 'keep' || hash === location.hash) return;
    history[address === 'push' ? 'pushState' : 'replaceState'](null, '', hash || location.pathname + location.search);
  };
  const announce = (/** @type {string} */ text) => {
    live.textContent = text;
  };
  const select = (/** @type {number} */ node, /** @type {'push' | 'replace'} */ address) => {
    act({ type: 'select', node }, address);
    if (state.selected >= 0) announce(spokenToken(state.selected));
  };
  const spokenToken = (/** @type {number} */ node) => {
    const { spoken, line, origin } = describe(trace, layout, node);
    return `${spoken}, ${metric().label} ${metric().format(valuesOf(metric())[node] ?? NaN)}, line ${line}, ${origin}`;
  };
  const jump = (/** @type {1 | -1} */ direction) => {
    const node = uncertain(layout, state.selected, direction, (candidate) => isUncertain(metric(), candidate));
    if (node < 0) announce(`No token of the output is uncertain by ${metric().label}.`);
    else select(node, 'push');
  };

  /** What each command does; false where it leaves the key to the browser. @type {Record<string, (key: string) => unknown>} */
  const commands = {
    previous: () => select(beside(layout, state.selected, -1), 'replace'),
    next: () => select(beside(layout, state.selected, 1), 'replace'),
    above: () => select(acrossLines(layout, state.selected, -1), 'replace'),
    below: () => select(acrossLines(layout, state.selected, 1), 'replace'),
    'line-start': () => select(endOfLine(layout, state.selected, -1), 'replace'),
    'line-end': () => select(endOfLine(layout, state.selected, 1), 'replace'),
    'next-uncertain': () => jump(1),
    'previous-uncertain': () => jump(-1),
    'page-up': () => code.scrollPage(-1),
    'page-down': () => code.scrollPage(1),
    metric: (key) => {
      const chosen = metrics[Number(key) - 1];
      if (chosen) act({ type: 'colour', metric: chosen.key }, 'push', false);
      if (chosen) announce(`Colour: ${chosen.label}`);
    },
    explain: () => act({ type: 'explain' }, 'keep'),
    'copy-link': () => copyLink().then(announce),
    theme: () => {
      announce(`Theme: ${tools.cycle()}`);
      strip.redraw();
    },
    help: () => help.show(),
    close: () => {
      tooltip.hide();
      if (state.selected >= 0) act({ type: 'select', node: -1 }, 'push');
    },
  };

  document.addEventListener('keydown', (event) => {
    if (help.open) return;
    const target = /** @type {HTMLElement} */ (event.target);
    const typing = target.isContentEditable || target.matches('input:not([type=radio]), textarea, select');
    const elsewhere = target !== document.body && !target.matches('.code');
    const command = commandOf(event, { typing, elsewhere });
    const run = commands[command];
    if (run && run(event.key) !== false) event.preventDefault();
  });
  on('select', ({ node, by }) => select(node, by === 'drag' ? 'replace' : 'push'));
  on('point', ({ node, cell }) => (node >= 0 ? tooltip.show(node, cell, metric()) : tooltip.hide()));
  on('colour', (key) => act({ type: 'colour', metric: key }, 'push', false));
  on('command', (command) => commands[command]?.(''));
  const followAddress = () => act({ type: 'address', hash: location.hash }, 'keep');
  window.addEventListener('hashchange', followAddress);
  window.addEventListener('popstate', followAddress);
  update(true);
}

/** @param {string} name @param {(detail: any) => void} handle */
function on(name, handle) {
  document.addEventListener(`tokenscope:${name}`, (event) => handle(/** @type {CustomEvent} */ (event).detail));
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

/** @template K, V @param {(key: K) => V} compute @returns {(key: K) => V} */
function remembered(compute) {
  /** @type {Map<K, V>} */
  const known = new Map();
  return (key) => {
    if (!known.has(key)) known.set(key, compute(key));
    return /** @type {V} */ (known.get(key));
  };
}
