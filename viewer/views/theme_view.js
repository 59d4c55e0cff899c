/** The reader's own tools in the header: search, the code to copy, images, theme and help. The theme is remembered where the browser lets us. */

import { replace, toggle } from '#viewer/elements/dom';
import { recall, remember } from '#viewer/storage';

const THEMES = ['auto', 'light', 'dark'];
const KEY = 'theme';

/** Apply the remembered theme; early, so that nothing flashes. */
export function restoreTheme() {
  apply(recall(KEY));
}

/** @param {HTMLElement} root */
export function mountTools(root) {
  const search = toggle('search', '/', 'Search tokens, alternatives and branches', 'search');
  const theme = toggle('theme', 't', 'Theme: as the system, light or dark', 'theme');
  const help = toggle('help', '?', 'Signs, keys and search', 'help');
  const images = toggle('images', 'i', 'Copy or save what is in sight as a picture', 'pictures');
  const code = toggle('copy code', 'Y', 'Copy the code of the program', 'copy-code');
  const tools = [search, ...(root.dataset['code'] ? [code] : []), images, theme, help];
  for (const tool of tools) tool.className = 'tool';
  const label = () => theme.firstChild?.replaceWith(`theme: ${current()} `);
  label();
  replace(root, tools);
  return {
    /** The next theme. */
    cycle() {
      const next = THEMES[(THEMES.indexOf(current()) + 1) % THEMES.length] ?? 'auto';
      apply(next);
      remember(KEY, next);
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
