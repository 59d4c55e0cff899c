/** Mounts the views and turns what the reader does into the next state: actions come up as events, state goes down. */

import { beginOf, candidatesOf, commandsFor, copy, placeIn } from '#viewer/commands';
import { alone } from '#viewer/elements/alone';
import { h, on, part } from '#viewer/elements/dom';
import { commandOf } from '#viewer/keys';
import { indexOf, lookOf, noteOf, WEIGHT } from '#viewer/reading/attention';
import { MAIN } from '#viewer/reading/branches';
import { count, decimal } from '#viewer/reading/format';
import { open, read, remembered } from '#viewer/reading/reading';
import { search } from '#viewer/reading/search';
import { aggregate } from '#viewer/reading/syntax';
import { INITIAL, isView, reduce, toHash } from '#viewer/state';
import { mountAnnouncer } from '#viewer/views/announcer_view';
import { mountAttention } from '#viewer/views/attention_view';
import { mountCode } from '#viewer/views/code_view';
import { mountDecisions } from '#viewer/views/decisions_view';
import { mountDiff } from '#viewer/views/diff_view';
import { mountFiles } from '#viewer/views/files_view';
import { mountHelp } from '#viewer/views/help_view';
import { mountLegend } from '#viewer/views/legend_view';
import { mountLens } from '#viewer/views/lens_view';
import { mountMatrix } from '#viewer/views/matrix_view';
import { mountPictures } from '#viewer/views/picture_view';
import { mountSave } from '#viewer/views/save_view';
import { mountSearch } from '#viewer/views/search_view';
import { mountStrip } from '#viewer/views/strip_view';
import { mountStructure } from '#viewer/views/structure_view';
import { mountTools } from '#viewer/views/theme_view';
import { mountToken } from '#viewer/views/token_view';
import { mountTooltip } from '#viewer/views/tooltip_view';
import { mountTrail } from '#viewer/views/trail_view';
import { mountTree } from '#viewer/views/tree_view';
import { mountUnrecorded } from '#viewer/views/unrecorded_view';

/** @typedef {import('#viewer/commands').Entry} Entry */
/** @typedef {import('#viewer/reading/reading').Reading} Reading */
/** @typedef {Readonly<import('#viewer/state').State>} State */

/** @param {import('#viewer/trace/trace').Trace} trace @param {() => Promise<Uint8Array>} payload @param {number} minor version of its format */
export function run(trace, payload, minor) {
  const recording = open(trace);
  const main = read(recording, MAIN);
  const views = mount(recording);
  mountSave(part('save'), trace.run.prompt.source, payload, minor);
  /** @type {State} */
  let state = reduce(INITIAL, { type: 'address', hash: location.hash }, recording.limits);
  let reading = main;
  const update = (/** @type {boolean} */ reveal) => {
    const file = recording.files.at(state.file);
    if (reading.branch !== state.branch || reading.file !== file)
      reading = state.branch === MAIN && main.file === file ? main : read(recording, state.branch, state.file, main.layout);
    show(main, reading, views, state, reveal);
  };

  /** @param {import('#viewer/state').Action} action @param {Entry} entry @param {boolean} [reveal] whether to bring the selection into sight */
  const act = (action, entry, reveal = true) => {
    state = reduce(state, action, recording.limits);
    update(reveal);
    if (entry !== 'keep') writeAddress(toHash(state, recording.limits), entry);
  };
  const commands = commandsFor({ shown: () => reading, views, act, current: () => state });

  listenToKeys(commands, views);
  on('select', ({ node, by }) => commands.select?.(node, by === 'drag' ? 'replace' : 'push'));
  on('branch', (branch) => commands.branch?.(branch));
  on('decision', ({ decision, branch }) => commands.decision?.(decision, branch));
  on('file', (file) => commands.file?.(file));
  on('point', ({ node, cell }) =>
    node < 0
      ? views.tooltip.hide()
      : views.tooltip.show(reading, node, cell, reading.metricOf(state.metric), noteOf(views.look(reading, state), node)),
  );
  on('point-branch', (found) => (found ? views.tooltip.showBranch(recording, found.branch, found.node, found.at) : views.tooltip.hide()));
  on('tip', (tip) => (tip ? views.tooltip.showText(tip.children, tip.at) : views.tooltip.hide()));
  on('look', (change) => act({ type: 'look', change }, 'push', false));
  on('outline', (change) => act({ type: 'outline', change }, 'push', false));
  on('span', (nodes) => views.code.mark(nodes));
  on('stretch', (tokens) => views.live.hold(tokens.length ? sumUp(reading, tokens) : ''));
  on('colour', (key) => act({ type: 'colour', metric: key }, 'push', false));
  on('search', (query) => commands['query']?.(query));
  on('unrecorded', (id) => views.instead.showToken(id));
  on('copy', ({ text, what }) => copy(text, `${what} copied.`, 'select it by hand').then(views.live.show));
  on('command', (command) => commands[command]?.());
  const followAddress = () => isView(location.hash) && act({ type: 'address', hash: location.hash }, 'keep');
  window.addEventListener('hashchange', followAddress);
  window.addEventListener('popstate', followAddress);
  update(true);
  // A link to a branch without a token shows where it departs.
  if (state.branch >= 0 && state.selected < 0) views.code.reveal(recording.tree.firstOf(state.branch));
  // Where the window scrolls, it stays at its top unless the address asks for a place.
  const asked = location.hash.length > 1 && isView(location.hash);
  if (state.selected < 0 && (asked || views.code.isScroller()))
    views.code.reveal(views.found(reading, state.query).matches[0]?.node ?? (reading.file?.changed ? beginOf(reading.file) : -1));
  // Where the views stand one above the other, what the address names is brought into sight.
  const named = ['diff', 'structure', 'matrix', 'tree'].find((view) => state[/** @type {'diff'} */ (view)]);
  if (!named || !matchMedia('(max-width: 899px)').matches) return;
  requestAnimationFrame(() => requestAnimationFrame(() => part(named).scrollIntoView())); // the first frame gives it its size
}

/** @typedef {ReturnType<typeof mount>} Views */

/** @param {import('#viewer/reading/reading').Recording} recording */
function mount(recording) {
  const slot = h('section', { class: 'instead-of' });
  const layers = h('section', { class: 'layers' });
  const live = mountAnnouncer(part('live'));
  const attention = h('section', { class: 'attention', hidden: !recording.trace.attention });
  const index = recording.trace.attention && indexOf(recording.trace.attention);
  const views = {
    strip: mountStrip(part('strip')),
    legend: mountLegend(part('legend'), recording.metrics),
    trail: mountTrail(part('trail'), recording),
    decisions: mountDecisions(part('decisions')),
    files: mountFiles(part('files'), part('trail'), recording), // after the trail, which is empty where there are files
    lens: mountLens(layers),
    instead: mountUnrecorded(slot),
    look: looker(index, recording.trace),
    attention: index && mountAttention(attention, recording.trace, index),
    matrix: index && remembered((/** @type {HTMLElement} */ root) => mountMatrix(root, index)), // not before it is opened
    token: mountToken(part('token'), slot, layers, attention),
    search: mountSearch(part('trail')),
    found: searcher(),
    tooltip: mountTooltip(),
    help: mountHelp(recording.metrics.map(({ label }) => label)),
    tools: mountTools(part('tools')),
    live,
    pictures: mountPictures(live.show),
    structure: remembered(mountStructure), // not before it is opened
    tree: remembered((/** @type {HTMLElement} */ root) => mountTree(root, recording)), // not before it is opened
    diff: mountDiff(part('diff'), part('code')),
    alone: {
      token: alone(part('token'), 'The panel of the token'),
      files: alone(part('files'), 'The list of files'),
      lens: alone(layers, 'The view of the layers'),
      instead: alone(slot, 'What could be written instead'),
      attention: alone(attention, 'The view of attention'),
      strip: alone(part('strip'), 'The strip'),
      diff: alone(part('diff'), 'The comparison'),
      tree: alone(part('tree'), 'The tree'),
      matrix: alone(part('matrix'), 'The view of attention between lines'),
      structure: alone(part('structure'), 'The view of the structure'),
    },
    code: mountCode(part('code')), // last: the summary gives its place to it
  };
  part('status').hidden = true;
  part('summary').hidden = true;
  document.body.classList.add('interactive');
  return views;
}

/** @param {Reading} main @param {Reading} reading @param {Views} views @param {State} state @param {boolean} reveal */
function show(main, reading, views, state, reveal) {
  const metric = reading.metricOf(state.metric);
  const buckets = reading.bucketsFor(metric);
  const candidates = candidatesOf(reading, metric, state);
  const look = views.look(reading, state);
  const { matches, nodes, error } = views.found(reading, state.query);
  const [tree, matrix, structure] = [part('tree'), part('matrix'), part('structure')];
  const { alone } = views;
  document.body.classList.toggle('has-selection', state.selected >= 0);
  document.body.classList.toggle('has-decision', state.decision > 0);
  alone.token(() => views.token.update(reading, state)); // first: it asks where it was scrolled to, and nothing has changed yet
  views.code.show(reading);
  views.code.isolate(state.changed);
  views.code.colour(look?.buckets ?? buckets, look !== null);
  views.code.find(nodes);
  views.code.decide(state.decision);
  views.search.update(state.query, matches, error, placeIn(matches, state.selected));
  views.decisions.update(state);
  alone.files(() => views.files.update(reading, state));
  alone.lens(() => views.lens.update(reading, state));
  alone.instead(() => views.instead.update(reading, state.selected));
  alone.attention(() => views.attention?.update(reading, state, look));
  views.trail.update(reading, state);
  views.legend.update(metric, candidates.length, candidates.indexOf(state.selected), look && WEIGHT);
  alone.strip(() => views.strip.update(reading, metric, state.selected, nodes));
  alone.diff(() => views.diff.update(main, reading, state.diff));
  tree.hidden = !state.tree;
  if (state.tree) alone.tree(() => views.tree(tree).update(state));
  matrix.hidden = !state.matrix;
  if (state.matrix) alone.matrix(() => views.matrix?.(matrix).update(reading, state));
  structure.hidden = !state.structure;
  if (state.structure) alone.structure(() => views.structure(structure).update(reading, state));
  else views.code.mark([]);
  views.code.select(state.selected, reveal); // last: it scrolls to what the others have left room for
}

/**
 * The attention of the selected token while it is shown, else null; computed once for a question.
 * @param {import('#viewer/reading/attention').Index | null} index @param {import('#viewer/trace/trace').Trace} trace
 */
function looker(index, trace) {
  /** @type {{ key: string, layout: import('#viewer/reading/layout').Layout, look: import('#viewer/reading/attention').Look } | null} */
  let last = null;
  return (/** @type {Reading} */ { layout }, /** @type {State} */ state) => {
    if (!index || !state.attention || state.selected < 0) return null;
    const { selected, reverse, own, aside, layer, head } = state;
    const key = [selected, reverse, own, aside, layer, head].join();
    if (last?.key !== key || last.layout !== layout) last = { key, layout, look: lookOf(index, trace, layout.order, state) };
    return last.look;
  };
}

/** The matches of a query on a path, and all of their tokens; computed once for a question. */
function searcher() {
  /** @type {{ reading: Reading, query: string, matches: import('#viewer/reading/search').Match[], nodes: Set<number>, error: string } | null} */
  let last = null;
  return (/** @type {Reading} */ reading, /** @type {string} */ query) => {
    if (last?.reading === reading && last.query === query) return last;
    const { matches, error } = search(reading, query);
    return (last = { reading, query, matches, error, nodes: new Set(matches.flatMap(({ nodes }) => nodes)) });
  };
}

/** @param {import('#viewer/commands').Commands} commands @param {Views} views */
function listenToKeys(commands, views) {
  document.addEventListener('keydown', (event) => {
    if (document.querySelector('dialog[open]')) return;
    const target = /** @type {HTMLElement} */ (event.target);
    const typing = target.isContentEditable || target.matches('input[type=text], textarea, select');
    const { off } = views.help;
    const elsewhere = (off || target !== document.body) && !target.matches('.code, #code');
    const command = commands[commandOf(event, { typing, elsewhere, off })];
    if (command && command(event.key) !== false) event.preventDefault();
  });
}

/** The surprisal of some tokens. @param {Reading} reading @param {import('#viewer/reading/syntax').Share[]} tokens */
function sumUp({ metricOf, valuesOf }, tokens) {
  const { sum, mean, count: measured } = aggregate(tokens, valuesOf(metricOf('surprisal')));
  return measured
    ? `n = ${count(measured)} \u00b7 surprisal ${decimal(sum, 'bits')}, mean ${decimal(mean, 'bits')} \u00b7 perplexity ${decimal(2 ** mean, '')}`
    : 'Nothing in the selection was measured.';
}

/** @param {string} hash @param {'push' | 'replace'} entry */
function writeAddress(hash, entry) {
  if (hash === location.hash) return;
  try {
    history[entry === 'push' ? 'pushState' : 'replaceState'](null, '', hash || location.pathname + location.search);
  } catch {
    // A frame without an address, or more changes in a while than the browser allows: the view is what it is, only its address is old.
  }
}
