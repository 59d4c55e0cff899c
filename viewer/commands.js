/** What the reader can do, by name: a command looks at what is shown, acts upon the state, and says what came of it. */

import { part } from '#viewer/elements/dom';
import { acrossLines, beside, endOfLine, jump } from '#viewer/navigation';
import { MAIN } from '#viewer/reading/branches';
import { codeOf } from '#viewer/reading/program';
import { describe } from '#viewer/reading/token_words';
import { inWords } from '#viewer/views/search_view';

/** @typedef {import('#viewer/reading/reading').Reading} Reading */
/** @typedef {import('#viewer/reading/metrics').Metric} Metric */
/** @typedef {Readonly<import('#viewer/state').State>} State */
/** @typedef {'push' | 'replace' | 'keep'} Entry what an action does to the history of the address */
/** @typedef {1 | -1} Direction */
/** @typedef {Record<string, (...details: any[]) => unknown>} Commands one that returns false leaves its key to the browser */

/**
 * @typedef {object} Page what commands look at and act upon
 * @property {() => Reading} shown
 * @property {import('#viewer/application').Views} views
 * @property {(action: import('#viewer/state').Action, entry: Entry, reveal?: boolean) => void} act
 * @property {() => State} current
 */

/** Commands that scored code has no use for. */
const OF_BRANCHES = ['next-fork', 'previous-fork', 'other-branch', 'up', 'diff', 'tree'];

/** @param {Page} page @returns {Commands} */
export function commandsFor(page) {
  const { views, shown } = page;
  const refuse = () => views.live.show('Scored code has no branches.');
  return {
    ...forTokens(page),
    ...forBranches(page),
    ...forDecisions(page),
    ...forFiles(page),
    ...forSearch(page),
    ...forParts(page),
    ...forPage(page),
    ...(shown().files.list.length > 0 && Object.fromEntries(OF_BRANCHES.map((name) => [name, refuse]))),
  };
}

/** The way from token to token. @param {Page} page @returns {Commands} */
function forTokens(page) {
  const { shown, views, act, current } = page;
  const walk = (/** @type {typeof beside} */ step, /** @type {Direction} */ direction) => () => (
    select(page, step(shown().layout, current().selected, direction), 'replace')
  );
  const leap = (/** @type {Direction} */ direction) => () => {
    const metric = metricOf(page);
    const where = !shown().file ? 'output' : current().changed ? 'changed lines' : 'file';
    leapAmong(page, direction, candidatesOf(shown(), metric, current()), `No token of the ${where} is uncertain by ${metric.label}.`);
  };
  return {
    select: (/** @type {number} */ node, /** @type {Entry} */ entry) => select(page, node, entry),
    deselect: () => act({ type: 'select', node: -1 }, 'push'),
    previous: walk(beside, -1),
    next: walk(beside, 1),
    above: walk(acrossLines, -1),
    below: walk(acrossLines, 1),
    'line-start': walk(endOfLine, -1),
    'line-end': walk(endOfLine, 1),
    'next-uncertain': leap(1),
    'previous-uncertain': leap(-1),
    'page-up': () => views.code.scrollPage(-1),
    'page-down': () => views.code.scrollPage(1),
  };
}

/** From one path to another. @param {Page} page @returns {Commands} */
function forBranches(page) {
  const { shown, views, act, current } = page;
  const { tree } = shown();
  const leap = (/** @type {Direction} */ direction) => leapAmong(page, direction, shown().forks, 'No other continuation was recorded on this path.');
  /** Back along the trail, to the token that the branch on the way here replaced. @param {number} branch */
  const branch = (branch) => {
    const way = [MAIN, ...tree.trail(current().branch)];
    const left = tree.firstOf(way[way.indexOf(branch) + 1] ?? branch);
    const node = branch === current().branch ? left : Math.max(tree.replaced(left), -1);
    act({ type: 'branch', branch, node }, 'push');
    views.live.say(branch < 0 ? 'Main path' : 'Branch');
  };
  return {
    branch,
    'next-fork': () => leap(1),
    'previous-fork': () => leap(-1),
    'other-branch': () => {
      const siblings = tree.siblings(current().selected);
      if (current().selected < 0) leap(1);
      else if (siblings.length < 2) views.live.show('Only this continuation was recorded here.');
      else select(page, siblings[(siblings.indexOf(current().selected) + 1) % siblings.length] ?? -1, 'push');
    },
    up: () => (current().branch < 0 ? views.live.show('This is the main path.') : branch(tree.parentOf(current().branch))),
    diff: () => toggle(page, 'diff', current().branch >= 0, 'This is the main path: choose a branch to compare.', true),
    tree: () => toggle(page, 'tree', tree.count > 0, 'This recording has no branches.'),
  };
}

/** From decision to decision, round at the end. @param {Page} page @returns {Commands} */
function forDecisions({ views, act, current }) {
  const decision = (/** @type {number} */ number, branch = MAIN) => {
    act({ type: 'decision', decision: number, branch }, 'push');
    views.live.say(views.decisions.say(number));
  };
  const leap = (/** @type {Direction} */ direction) => {
    const { count: all } = views.decisions;
    if (!all) return views.live.show('No decisions were recorded.');
    const now = current().decision || (direction > 0 ? 0 : all + 1);
    const next = ((now + direction - 1 + all) % all) + 1;
    decision(next);
    views.decisions.begin(next);
  };
  return { decision, 'next-decision': () => leap(1), 'previous-decision': () => leap(-1) };
}

/** From file to file of scored code. @param {Page} page @returns {Commands} */
function forFiles(page) {
  const { shown, views, act } = page;
  const { list, compared } = shown().files;
  const file = (/** @type {number} */ index) => {
    act({ type: 'file', file: index }, 'push');
    const { file } = shown();
    views.code.reveal(beginOf(file));
    views.live.say(`File ${file?.source}`);
  };
  const leap = (/** @type {Direction} */ direction) => {
    const place = list.findIndex((one) => one === shown().file);
    const next = list[(place + direction + list.length) % list.length];
    if (next) file(next.index);
    else views.live.show('This recording is of no scored files.');
  };
  return {
    file,
    'next-file': () => leap(1),
    'previous-file': () => leap(-1),
    changed: () => toggle(page, 'changed', compared, 'No line of this recording is marked as changed.', true),
  };
}

/** @param {Page} page @returns {Commands} */
function forSearch(page) {
  const { shown, views, act, current } = page;
  const leap = (/** @type {Direction} */ direction) => {
    const { matches, error } = views.found(shown(), current().query);
    leapAmong(page, direction, matches.map(({ node }) => node), error || 'No token matches.');
    const { selected } = current();
    if (!matches.length) return;
    views.live.say(`${inWords(matches.length, placeIn(matches, selected))}: ${spoken(shown(), metricOf(page), selected)}`);
  };
  return {
    search: () => views.search.open(),
    query: (/** @type {string} */ query) => {
      act({ type: 'search', query }, query && current().query ? 'replace' : 'push', false);
      const { matches: found, error } = views.found(shown(), query);
      if (current().selected < 0) views.code.reveal(found[0]?.node ?? -1);
      if (query) views.live.say(error || inWords(found.length, -1));
    },
    'next-match': () => leap(1),
    'previous-match': () => leap(-1),
  };
}

/** Parts of the page that open and close. @param {Page} page @returns {Commands} */
function forParts(page) {
  const { shown, views, act, current } = page;
  const { trace } = shown();
  return {
    lens: () => toggle(page, 'lens', trace.lens !== null, 'No layers were recorded; the option --lens records them.'),
    attention: () => {
      if (!trace.attention) return views.live.show('This recording holds no attention: it is older, or was made with --no-attention.');
      if (current().selected < 0) return views.live.show('Choose a token to see where it looked.');
      act({ type: 'toggle', what: 'attention' }, 'push', false);
      views.live.say(`Attention ${current().attention ? 'shown' : 'hidden'}`);
    },
    matrix: () => toggle(page, 'matrix', trace.attention !== null, 'This recording holds no attention.'),
    structure: () => toggle(page, 'structure', trace.syntax !== null,
      'This recording holds no syntax: its language is not known (--language names it), or it is older.'),
    explain: () => act({ type: 'toggle', what: 'definitions' }, 'keep', false),
    close: () => {
      views.tooltip.hide();
      const { structure, matrix, tree } = current();
      const open = Object.entries({ structure, matrix, tree }).find(([, isOpen]) => isOpen)?.[0];
      if (open) act({ type: 'toggle', what: /** @type {'tree'} */ (open) }, 'push', false); // the lowest of them
      else if (current().selected >= 0) act({ type: 'select', node: -1 }, 'push');
      else views.search.close();
    },
  };
}

/** Colours, theme, help, and what leaves the page. @param {Page} page @returns {Commands} */
function forPage({ shown, views, act, current }) {
  const { metrics, trace } = shown();
  return {
    metric: (/** @type {string} */ key) => {
      const chosen = metrics[Number(key) - 1];
      if (!chosen) return;
      act({ type: 'colour', metric: chosen.key }, 'push', false);
      views.live.say(`Colour: ${chosen.label}`);
    },
    'copy-link': () => {
      // The folders of this machine are nobody's business, and no use to anybody.
      const isFile = location.protocol === 'file:';
      const link = isFile ? fileName(location.pathname) + location.hash : location.href;
      copy(link, `Link copied: ${link}`, 'the link is in the address bar').then(views.live.show);
    },
    'copy-code': () => {
      const stretches = part('tools').dataset['code'];
      if (!stretches) return views.live.show('This recording holds no program.');
      copy(codeOf(trace, stretches), 'Code copied.', 'select it by hand').then(views.live.show);
    },
    theme: () => {
      views.live.say(`Theme: ${views.tools.cycle()}`);
      views.strip.redraw();
      views.attention?.redraw();
      if (current().matrix) views.matrix?.(part('matrix')).redraw();
      if (current().tree) views.tree(part('tree')).redraw();
    },
    help: () => views.help.show(),
    pictures: () => views.pictures.show(),
  };
}

/** The last part of a path, as it is spelled on the disk where that is text. @param {string} path */
function fileName(path) {
  const name = path.replace(/.*\//, '');
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}

/** Select a token, and say which. @param {Page} page @param {number} node @param {Entry} entry */
function select(page, node, entry) {
  page.act({ type: 'select', node }, entry);
  if (page.current().selected >= 0) page.views.live.say(spoken(page.shown(), metricOf(page), node));
}

/** To the next of some tokens. @param {Page} page @param {Direction} direction @param {number[]} nodes @param {string} otherwise */
function leapAmong(page, direction, nodes, otherwise) {
  const node = jump(page.shown().layout, page.current().selected, direction, nodes);
  if (node < 0) page.views.live.show(otherwise);
  else select(page, node, 'push');
}

/**
 * Open or close a part of the page, or say why that cannot be.
 * @param {Page} page @param {'changed' | 'diff' | 'lens' | 'matrix' | 'structure' | 'tree'} what
 * @param {boolean} can @param {string} otherwise @param {boolean} [reveal] whether to bring the selection into sight
 */
function toggle({ views, act }, what, can, otherwise, reveal = false) {
  if (can) act({ type: 'toggle', what }, 'push', reveal);
  else views.live.show(otherwise);
}

/** The metric that colours the code. @param {Page} page */
function metricOf({ shown, current }) {
  return shown().metricOf(current().metric);
}

/** The uncertain tokens that the reader walks. @param {Reading} reading @param {Metric} metric @param {State} state */
export function candidatesOf({ files, uncertainOf }, metric, { changed }) {
  return changed ? uncertainOf(metric).filter(files.isChanged) : uncertainOf(metric);
}

/** Where scored code is of interest first: its first changed line. @param {Reading['file']} file */
export function beginOf(file) {
  return file?.lineAt(file.changed?.[0]?.[0] ?? 1)?.node ?? file?.first ?? -1;
}

/** @param {import('#viewer/reading/search').Match[]} matches @param {number} node */
export function placeIn(matches, node) {
  return matches.findIndex(({ nodes }) => nodes.includes(node));
}

/** A token for a screen reader. @param {Reading} reading @param {Metric} metric @param {number} node */
function spoken(reading, metric, node) {
  const token = describe(reading.trace, reading.layout, node);
  const value = metric.format(reading.valuesOf(metric)[node] ?? NaN);
  return `${token.spoken}, ${metric.label} ${value}, line ${token.line}, ${token.origin}${reading.files.isChanged(node) ? ', changed' : ''}`;
}

/** @param {string} text @param {string} done @param {string} otherwise @returns {Promise<string>} what to tell the reader */
export async function copy(text, done, otherwise) {
  try {
    await navigator.clipboard.writeText(text);
    return done;
  } catch {
    return `The browser does not let this page copy; ${otherwise}.`;
  }
}
