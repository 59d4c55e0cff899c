/** Mounts the views and turns what the reader does into the next state: actions come up as events, state goes down. */

import { h, part } from '#viewer/elements/dom';
import { commandOf } from '#viewer/keys';
import { acrossLines, beside, endOfLine, jump } from '#viewer/navigation';
import { indexOf, lookOf, noteOf, WEIGHT } from '#viewer/reading/attention';
import { MAIN } from '#viewer/reading/branches';
import { count, decimal } from '#viewer/reading/format';
import { open, read, remembered } from '#viewer/reading/reading';
import { search } from '#viewer/reading/search';
import { aggregate } from '#viewer/reading/syntax';
import { describe } from '#viewer/reading/token_words';
import { INITIAL, isView, reduce, toHash } from '#viewer/state';
import { mountLive } from '#viewer/views/announcer_view';
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
import { inWords, mountSearch } from '#viewer/views/search_view';
import { mountStrip } from '#viewer/views/strip_view';
import { mountStructure } from '#viewer/views/structure_view';
import { mountTools } from '#viewer/views/theme_view';
import { mountToken } from '#viewer/views/token_view';
import { mountTooltip } from '#viewer/views/tooltip_view';
import { mountTrail } from '#viewer/views/trail_view';
import { mountTree } from '#viewer/views/tree_view';
import { mountInstead } from '#viewer/views/unrecorded_view';

/** @typedef {import('#viewer/state').Action} Action */
/** @typedef {'push' | 'replace' | 'keep'} Entry what an action does to the history of the address */

/** @typedef {import('#viewer/reading/reading').Reading} Reading */

/** Commands that scored code has no use for. */
const OF_BRANCHES = ['next-fork', 'previous-fork', 'other-branch', 'up', 'diff', 'tree'];

/** @param {import('#viewer/trace/trace').Trace} trace @param {() => Promise<Uint8Array>} payload */
export function run(trace, payload) {
  const recording = open(trace);
  const main = read(recording, MAIN);
  const views = mount(recording);
  mountSave(document.querySelector('.foot details'), trace.run.prompt.source, payload);
  /** @type {Readonly<import('#viewer/state').State>} */
  let state = reduce(INITIAL, { type: 'address', hash: location.hash }, recording.limits);
  let reading = main;
  const update = (/** @type {boolean} */ reveal) => {
    const file = recording.files.at(state.file);
    if (reading.branch !== state.branch || reading.file !== file) reading = state.branch === MAIN && main.file === file ? main : read(recording, state.branch, state.file, main.layout);
    show(main, reading, views, state, reveal);
  };

  /** @param {Action} action @param {Entry} entry @param {boolean} [reveal] whether to bring the selection into sight */
  const act = (action, entry, reveal = true) => {
    state = reduce(state, action, recording.limits);
    update(reveal);
    if (entry !== 'keep') writeAddress(toHash(state, recording.limits), entry);
  };
  const commands = commandsFor(() => reading, views, act, () => state);

  listenToKeys(commands, views);
  on('select', ({ node, by }) => commands.select?.(node, by === 'drag' ? 'replace' : 'push'));
  on('branch', (branch) => commands.branch?.(branch));
  on('decision', ({ decision, branch }) => commands.decision?.(decision, branch));
  on('file', (file) => commands.file?.(file));
  on('point', ({ node, cell }) => (node < 0 ? views.tooltip.hide() : views.tooltip.show(reading, node, cell, reading.metricOf(state.metric), noteOf(views.look(reading, state), node))));
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
  if (state.selected < 0) views.code.reveal(views.found(reading, state.query).matches[0]?.node ?? (reading.file?.changed ? beginOf(reading.file) : -1));
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
  const live = mountLive(part('live'));
  const attention = h('section', { class: 'attention', hidden: !recording.trace.attention });
  const index = recording.trace.attention && indexOf(recording.trace.attention);
  const views = {
    strip: mountStrip(part('strip')),
    legend: mountLegend(part('legend'), recording.metrics),
    trail: mountTrail(part('trail'), recording),
    decisions: mountDecisions(part('decisions')),
    files: mountFiles(part('files'), part('trail'), recording), // after the trail, which is empty where there are files
    lens: mountLens(layers),
    instead: mountInstead(slot),
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
    code: mountCode(part('code')), // last: it takes the summary's place
  };
  part('status').hidden = true;
  document.body.classList.add('interactive');
  return views;
}

/** @param {Reading} main @param {Reading} reading @param {Views} views @param {Readonly<import('#viewer/state').State>} state @param {boolean} reveal */
function show(main, reading, views, state, reveal) {
  const metric = reading.metricOf(state.metric);
  const buckets = reading.bucketsFor(metric);
  const candidates = candidatesOf(reading, metric, state);
  const look = views.look(reading, state);
  const { matches, nodes, error } = views.found(reading, state.query);
  const [tree, matrix, structure] = [part('tree'), part('matrix'), part('structure')];
  document.body.classList.toggle('has-selection', state.selected >= 0);
  document.body.classList.toggle('has-decision', state.decision > 0);
  views.token.update(reading, state); // first: it asks where it was scrolled to, and nothing has changed yet
  views.code.show(reading);
  views.code.isolate(state.changed);
  views.code.colour(look?.buckets ?? buckets, look !== null);
  views.code.find(nodes);
  views.code.decide(state.decision);
  views.search.update(state.query, matches, error, placeIn(matches, state.selected));
  views.decisions.update(state);
  views.files.update(reading, state);
  views.lens.update(reading, state);
  views.instead.update(reading, state.selected);
  views.attention?.update(reading, state, look);
  views.trail.update(reading, state);
  views.legend.update(metric, candidates.length, candidates.indexOf(state.selected), look && WEIGHT);
  views.strip.update(reading, metric, state.selected, nodes);
  views.diff.update(main, reading, state.diff);
  tree.hidden = !state.tree;
  if (state.tree) views.tree(tree).update(state);
  matrix.hidden = !state.matrix;
  if (state.matrix) views.matrix?.(matrix).update(reading, state);
  structure.hidden = !state.structure;
  if (state.structure) views.structure(structure).update(reading, state);
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
  return (/** @type {Reading} */ { layout }, /** @type {Readonly<import('#viewer/state').State>} */ state) => {
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

/** @param {import('#viewer/reading/search').Match[]} matches @param {number} node */
function placeIn(matches, node) {
  return matches.findIndex(({ nodes }) => nodes.includes(node));
}

/**
 * What the reader can do, by name; false where the key is left to the browser.
 * @param {() => Reading} shown @param {Views} views
 * @param {(action: Action, entry: Entry, reveal?: boolean) => void} act
 * @param {() => Readonly<import('#viewer/state').State>} current
 * @returns {Record<string, (...details: any[]) => unknown>}
 */
function commandsFor(shown, views, act, current) {
  const { trace, tree, files, metrics, metricOf } = shown();
  const layout = () => shown().layout;
  const metric = () => metricOf(current().metric);
  const select = (/** @type {number} */ node, /** @type {Entry} */ entry) => {
    act({ type: 'select', node }, entry);
    if (current().selected >= 0) views.live.say(spoken(shown(), metric(), node));
  };
  const walk = (/** @type {number} */ node) => select(node, 'replace');
  const leapAmong = (/** @type {1 | -1} */ direction, /** @type {number[]} */ nodes, /** @type {string} */ otherwise) => {
    const node = jump(layout(), current().selected, direction, nodes);
    if (node < 0) views.live.show(otherwise);
    else select(node, 'push');
  };
  const leap = (/** @type {1 | -1} */ direction) => leapAmong(direction, candidatesOf(shown(), metric(), current()), `No token of the ${!shown().file ? 'output' : current().changed ? 'changed lines' : 'file'} is uncertain by ${metric().label}.`);
  const leapToFork = (/** @type {1 | -1} */ direction) => leapAmong(direction, shown().forks, 'No other continuation was recorded on this path.');
  const leapToMatch = (/** @type {1 | -1} */ direction) => {
    const { matches, error } = views.found(shown(), current().query);
    leapAmong(direction, matches.map(({ node }) => node), error || 'No token matches.');
    const { selected } = current();
    if (matches.length) views.live.say(`${inWords(matches.length, placeIn(matches, selected))}: ${spoken(shown(), metric(), selected)}`);
  };
  /** Back along the trail, to the token that the branch on the way here replaced. @param {number} branch */
  const branch = (branch) => {
    const way = [MAIN, ...tree.trail(current().branch)];
    const left = tree.firstOf(way[way.indexOf(branch) + 1] ?? branch);
    const node = branch === current().branch ? left : Math.max(tree.replaced(left), -1);
    act({ type: 'branch', branch, node }, 'push');
    views.live.say(branch < 0 ? 'Main path' : 'Branch');
  };
  const decision = (/** @type {number} */ number, branch = MAIN) => {
    act({ type: 'decision', decision: number, branch }, 'push');
    views.live.say(views.decisions.say(number));
  };
  /** Goes round at the end. @param {1 | -1} direction */
  const leapToDecision = (direction) => {
    const { count: all } = views.decisions;
    if (!all) return views.live.show('No decisions were recorded.');
    const now = current().decision || (direction > 0 ? 0 : all + 1);
    const next = ((now + direction - 1 + all) % all) + 1;
    decision(next);
    views.decisions.begin(next);
  };
  const file = (/** @type {number} */ index) => {
    act({ type: 'file', file: index }, 'push');
    const { file } = shown();
    views.code.reveal(beginOf(file));
    views.live.say(`File ${file?.source}`);
  };
  const leapToFile = (/** @type {number} */ direction) => {
    const place = files.list.findIndex((one) => one === shown().file);
    const next = files.list[(place + direction + files.list.length) % files.list.length];
    if (next) file(next.index);
    else views.live.show('This recording is of no scored files.');
  };
  const toggle = (/** @type {'lens' | 'changed'} */ what, /** @type {boolean} */ can, /** @type {string} */ otherwise) => (
    can ? act({ type: 'toggle', what }, 'push', what === 'changed') : views.live.show(otherwise)
  );
  return {
    select,
    branch,
    decision,
    'next-decision': () => leapToDecision(1),
    'previous-decision': () => leapToDecision(-1),
    file,
    'next-file': () => leapToFile(1),
    'previous-file': () => leapToFile(-1),
    changed: () => toggle('changed', files.compared, 'No line of this recording is marked as changed.'),
    lens: () => toggle('lens', trace.lens !== null, 'No layers were recorded; the option --lens records them.'),
    'next-fork': () => leapToFork(1),
    'previous-fork': () => leapToFork(-1),
    'other-branch': () => {
      const siblings = tree.siblings(current().selected);
      if (current().selected < 0) leapToFork(1);
      else if (siblings.length < 2) views.live.show('Only this continuation was recorded here.');
      else select(siblings[(siblings.indexOf(current().selected) + 1) % siblings.length] ?? -1, 'push');
    },
    up: () => (current().branch < 0 ? views.live.show('This is the main path.') : branch(tree.parentOf(current().branch))),
    diff: () => (current().branch < 0 ? views.live.show('This is the main path: choose a branch to compare.') : act({ type: 'toggle', what: 'diff' }, 'push')),
    tree: () => (tree.count ? act({ type: 'toggle', what: 'tree' }, 'push', false) : views.live.show('This recording has no branches.')),
    previous: () => walk(beside(layout(), current().selected, -1)),
    next: () => walk(beside(layout(), current().selected, 1)),
    above: () => walk(acrossLines(layout(), current().selected, -1)),
    below: () => walk(acrossLines(layout(), current().selected, 1)),
    'line-start': () => walk(endOfLine(layout(), current().selected, -1)),
    'line-end': () => walk(endOfLine(layout(), current().selected, 1)),
    'next-uncertain': () => leap(1),
    'previous-uncertain': () => leap(-1),
    'page-up': () => views.code.scrollPage(-1),
    'page-down': () => views.code.scrollPage(1),
    metric: (/** @type {string} */ key) => {
      const chosen = metrics[Number(key) - 1];
      if (!chosen) return;
      act({ type: 'colour', metric: chosen.key }, 'push', false);
      views.live.say(`Colour: ${chosen.label}`);
    },
    attention: () => {
      if (!trace.attention) return views.live.show('This recording holds no attention: it is older, or was made with --no-attention.');
      if (current().selected < 0) return views.live.show('Choose a token to see where it looked.');
      act({ type: 'toggle', what: 'attention' }, 'push', false);
      views.live.say(`Attention ${current().attention ? 'shown' : 'hidden'}`);
    },
    matrix: () => (trace.attention ? act({ type: 'toggle', what: 'matrix' }, 'push', false) : views.live.show('This recording holds no attention.')),
    structure: () => (trace.syntax ? act({ type: 'toggle', what: 'structure' }, 'push', false) : views.live.show('This recording holds no syntax: its language is not known (--language names it), or it is older.')),
    explain: () => act({ type: 'toggle', what: 'definitions' }, 'keep', false),
    'copy-link': () => {
      // The folders of this machine are nobody's business, and no use to anybody.
      const link = location.protocol === 'file:' ? decodeURIComponent(location.pathname).replace(/.*\//, '') + location.hash : location.href;
      copy(link, `Link copied: ${link}`, 'the link is in the address bar').then(views.live.show);
    },
    theme: () => {
      views.live.say(`Theme: ${views.tools.cycle()}`);
      views.strip.redraw();
      views.attention?.redraw();
      if (current().matrix) views.matrix?.(part('matrix')).redraw();
      if (current().tree) views.tree(part('tree')).redraw();
    },
    search: () => views.search.open(),
    query: (/** @type {string} */ query) => {
      act({ type: 'search', query }, query && current().query ? 'replace' : 'push', false);
      const { matches: found, error } = views.found(shown(), query);
      if (current().selected < 0) views.code.reveal(found[0]?.node ?? -1);
      if (query) views.live.say(error || inWords(found.length, -1));
    },
    'next-match': () => leapToMatch(1),
    'previous-match': () => leapToMatch(-1),
    help: () => views.help.show(),
    pictures: () => views.pictures.show(),
    deselect: () => act({ type: 'select', node: -1 }, 'push'),
    close: () => {
      views.tooltip.hide();
      const { structure, matrix, tree } = current();
      const open = Object.entries({ structure, matrix, tree }).find(([, isOpen]) => isOpen)?.[0];
      if (open) act({ type: 'toggle', what: /** @type {'tree'} */ (open) }, 'push', false); // the lowest of them
      else if (current().selected >= 0) act({ type: 'select', node: -1 }, 'push');
      else views.search.close();
    },
    ...(files.list.length > 0 && Object.fromEntries(OF_BRANCHES.map((name) => [name, () => views.live.show('Scored code has no branches.')]))),
  };
}

/** @param {Record<string, (...details: any[]) => unknown>} commands @param {Views} views */
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

/** The uncertain tokens that the reader walks. @param {Reading} reading @param {import('#viewer/reading/metrics').Metric} metric @param {Readonly<import('#viewer/state').State>} state */
function candidatesOf({ files, uncertainOf }, metric, { changed }) {
  return changed ? uncertainOf(metric).filter(files.isChanged) : uncertainOf(metric);
}

/** Where scored code is of interest first: its first changed line. @param {Reading['file']} file */
function beginOf(file) {
  return file?.lineAt(file.changed?.[0]?.[0] ?? 1)?.node ?? file?.first ?? -1;
}

/** A token for a screen reader. @param {import('#viewer/reading/reading').Reading} reading @param {import('#viewer/reading/metrics').Metric} metric @param {number} node */
function spoken(reading, metric, node) {
  const token = describe(reading.trace, reading.layout, node);
  return `${token.spoken}, ${metric.label} ${metric.format(reading.valuesOf(metric)[node] ?? NaN)}, line ${token.line}, ${token.origin}${reading.files.isChanged(node) ? ', changed' : ''}`;
}

/** The surprisal of some tokens. @param {Reading} reading @param {import('#viewer/reading/syntax').Share[]} tokens */
function sumUp({ metricOf, valuesOf }, tokens) {
  const { sum, mean, count: measured } = aggregate(tokens, valuesOf(metricOf('surprisal')));
  return measured ? `n = ${count(measured)} \u00b7 surprisal ${decimal(sum, 'bits')}, mean ${decimal(mean, 'bits')} \u00b7 perplexity ${decimal(2 ** mean, '')}` : 'Nothing in the selection was measured.';
}

/** @param {string} hash @param {'push' | 'replace'} entry */
function writeAddress(hash, entry) {
  if (hash === location.hash) return;
  history[entry === 'push' ? 'pushState' : 'replaceState'](null, '', hash || location.pathname + location.search);
}

/** @param {string} text @param {string} done @param {string} otherwise @returns {Promise<string>} what to tell the reader */
async function copy(text, done, otherwise) {
  try {
    await navigator.clipboard.writeText(text);
    return done;
  } catch {
    return `The browser does not let this page copy; ${otherwise}.`;
  }
}

/** @param {string} name @param {(detail: any) => void} handle */
function on(name, handle) {
  document.addEventListener(`tokenscope:${name}`, (event) => handle(/** @type {CustomEvent} */ (event).detail));
}
