/** The reader's own tools in the header: theme and help. The theme is remembered where the browser lets us. */

import { h, tell } from '#viewer/dom';

const THEMES = ['auto', 'light', 'dark'];
const KEY = 'tokenscope-theme';

/** Apply the remembered theme; early, so that nothing flashes. */
export function restoreTheme() {
  try {
    apply(localStorage.getItem(KEY) ?? 'auto');
  } catch {
    apply('auto');
  }
}

/** @param {HTMLElement} root */
export function mountTools(root) {
  const theme = h('button', { type: 'button', class: 'tool', title: 'Theme: as the system, light or dark (t)' });
  const help = h('button', { type: 'button', class: 'tool', title: 'Keys and help (?)' }, 'keys ', h('kbd', { aria: { hidden: 'true' } }, '?'));
  const label = () => theme.replaceChildren(`theme: ${current()} `, h('kbd', { aria: { hidden: 'true' } }, 't'));
  theme.addEventListener('click', () => tell(theme, 'command', 'theme'));
  help.addEventListener('click', () => tell(help, 'command', 'help'));
  label();
  root.replaceChildren(theme, help);
  return {
    /** The next theme. */
    cycle() {
      const next = THEMES[(THEMES.indexOf(current()) + 1) % THEMES.length] ?? 'auto';
      apply(next);
      try {
        localStorage.setItem(KEY, next);
      } catch {
        // Nothing is remembered in a sandboxed frame; the theme still changes.
      }
      label();
      return next;
    },
  };
}

function current() {
  return document.documentElement.dataset['theme'] ?? 'auto';
}

/** @param {string} theme */
function apply(theme) {
  if (theme === 'light' || theme === 'dark') document.documentElement.dataset['theme'] = theme;
  else delete document.documentElement.dataset['theme'];
}
