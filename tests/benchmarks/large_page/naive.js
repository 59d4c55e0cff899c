/** The page that one writes first: rows as JSON, one span per token, a tooltip, colours by rewriting every span. */

const { nodes, main, branches } = JSON.parse(document.getElementById('rows').textContent);
const code = document.getElementById('code');
const tooltip = document.getElementById('tooltip');
const METRICS = ['surprisal', 'entropy', 'probability', 'margin'];
let metric = 'surprisal';
let path = [];
let spans = [];
let selected = -1;
let branch = -1;

function colourOf(node) {
  const value = nodes[node][metric];
  if (value === null) return 'transparent';
  const doubt = metric === 'surprisal' || metric === 'entropy' ? Math.min(1, value / 4) : 1 - value;
  return `rgba(200, 60, 30, ${doubt.toFixed(3)})`;
}

function show(leaf) {
  path = [];
  for (let node = leaf; node >= 0; node = nodes[node].parent) path.push(node);
  path.reverse();
  code.replaceChildren();
  spans = path.map((node) => {
    const span = document.createElement('span');
    span.className = 'token';
    span.dataset.node = node;
    span.textContent = nodes[node].token;
    span.style.backgroundColor = colourOf(node);
    code.append(span);
    return span;
  });
}

function select(place) {
  spans[selected]?.classList.remove('selected');
  selected = Math.max(0, Math.min(spans.length - 1, place));
  spans[selected].classList.add('selected');
  spans[selected].scrollIntoView({ block: 'nearest' });
}

const isUncertain = (node) => nodes[node].surprisal >= 1;
const departing = new Map(branches.map((one) => [nodes[one.first].parent, one]));

document.addEventListener('keydown', ({ key }) => {
  if (METRICS[key - 1]) {
    metric = METRICS[key - 1];
    for (const span of spans) span.style.backgroundColor = colourOf(span.dataset.node);
  } else if (key === 'ArrowRight') {
    select(selected + 1);
  } else if (key === 'n') {
    const next = path.findIndex((node, place) => place > selected && nodes[node].origin !== 0 && isUncertain(node));
    if (next >= 0) select(next);
  } else if (key === ']') {
    select(path.findIndex((node, place) => place > 0 && departing.has(path[place - 1])));
  } else if (key === 'b') {
    const place = selected;
    branch = branch < 0 ? departing.get(path[place - 1]).last : -1;
    show(branch < 0 ? main : branch);
    select(place);
  }
});

code.addEventListener('pointerover', ({ target }) => {
  const row = nodes[target.dataset.node];
  if (!row) return;
  tooltip.replaceChildren();
  const head = document.createElement('p');
  head.textContent = `${row.token} ${metric} ${row[metric]}`;
  tooltip.append(head);
  for (const { token, probability } of row.alternatives) {
    const line = document.createElement('p');
    line.textContent = `${token} ${(100 * probability).toFixed(1)} %`;
    tooltip.append(line);
  }
  const { left, bottom } = target.getBoundingClientRect();
  tooltip.style.left = `${left}px`;
  tooltip.style.top = `${bottom + 8}px`;
  tooltip.hidden = false;
});

show(main);
