/** Elements from data. The only way in which data reaches the page: text nodes and attributes of a known few names. */

/** @typedef {Node | string | number | null | undefined | false} Child */
/** @typedef {Child | readonly Child[]} Children a list counts as what is in it, however many that are: nothing is spread into a call */

/**
 * @typedef {object} Options
 * @property {string} [class]
 * @property {string} [id]
 * @property {string} [title]
 * @property {string} [type]
 * @property {string} [role]
 * @property {string} [name]
 * @property {string} [value]
 * @property {string} [scope]
 * @property {string} [href] of the page's own making, as all links are
 * @property {string} [download]
 * @property {boolean} [checked]
 * @property {boolean} [hidden]
 * @property {number} [tabIndex]
 * @property {Record<string, string>} [aria]
 * @property {Record<string, string | number>} [data]
 */

/**
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag @param {Options} [options] @param {...Children} children
 * @returns {HTMLElementTagNameMap[T]}
 */
export function h(tag, options = {}, ...children) {
  // eslint-disable-next-line no-restricted-syntax -- a literal wherever h() is called
  const element = document.createElement(tag);
  const { class: className, aria = {}, data = {}, hidden, checked, tabIndex, ...attributes } = options;
  if (className) element.className = className;
  if (hidden) element.hidden = true;
  if (tabIndex !== undefined) element.tabIndex = tabIndex;
  if (checked && element instanceof HTMLInputElement) element.checked = true;
  // eslint-disable-next-line no-restricted-syntax -- one of the names of Options
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  for (const [name, value] of Object.entries(aria)) element.setAttribute(`aria-${name}`, value);
  for (const [name, value] of Object.entries(data)) element.dataset[name] = String(value);
  for (const child of children) append(element, child);
  return element;
}

/** Into an element, at its end. @param {Element} element @param {Children} children */
export function append(element, children) {
  if (isList(children)) for (const child of children) append(element, child);
  else if (children || children === 0) element.append(children instanceof Node ? children : String(children));
}

/** In place of all that is in an element. @param {Element} element @param {Children} children */
export function replace(element, children) {
  element.replaceChildren();
  append(element, children);
}

/** @param {Children} children @returns {children is readonly Child[]} */
function isList(children) {
  return Array.isArray(children);
}

/** Tell the page what the reader wants; views never act on each other. @param {EventTarget} target @param {string} name @param {unknown} [detail] */
export function tell(target, name, detail) {
  target.dispatchEvent(new CustomEvent(`tokenscope:${name}`, { bubbles: true, detail }));
}

/** Hear what views tell. @param {string} name @param {(detail: any) => void} handle */
export function on(name, handle) {
  document.addEventListener(`tokenscope:${name}`, (event) => handle(/** @type {CustomEvent} */ (event).detail));
}

/** A button with a sign on it, and its name in words. @param {string} sign @param {string} title @param {() => void} act @param {string} [name] of its class */
export function signed(sign, title, act, name = 'jump') {
  const button = h('button', { type: 'button', class: name, title, aria: { label: title } }, sign);
  button.addEventListener('click', act);
  return button;
}

/** A button that closes a view. @param {string} title @param {() => void} act */
export function closer(title, act) {
  return signed('\u00d7', title, act, 'quiet-button close');
}

/** A button with its key, such as turns a view on and off. @param {string} label @param {string} key @param {string} title @param {string} command */
export function toggle(label, key, title, command) {
  const button = h('button', { type: 'button', class: 'toggle', title: `${title} (${key})` }, `${label} `, h('kbd', { aria: { hidden: 'true' } }, key));
  button.addEventListener('click', () => tell(button, 'command', command));
  return button;
}

/** Whether an element is the current one of its kind. @param {Element} element @param {boolean} is */
export function current(element, is) {
  if (is) element.setAttribute('aria-current', 'true');
  else element.removeAttribute('aria-current');
}

/** The visible form of a token as elements. @param {readonly { text: string, sign: boolean }[]} parts */
export function tokenText(parts) {
  const element = h('bdi', { class: 'token-text' });
  for (const { text, sign } of parts) element.append(sign ? h('span', { class: 'sign' }, text) : text);
  return element;
}

/** An element of the template. @param {string} id */
export function part(id) {
  const element = document.getElementById(id);
  if (!element) throw new Error(`the page has no part ${id}`);
  return element;
}
