/** What the reader chose for longer than one view, where the browser lets a page remember: a sandboxed frame or a file may not. */

/** @param {string} name */
export function recall(name) {
  try {
    return localStorage.getItem(`tokenscope-${name}`) ?? '';
  } catch {
    return '';
  }
}

/** @param {string} name @param {string} value */
export function remember(name, value) {
  try {
    localStorage.setItem(`tokenscope-${name}`, value);
  } catch {
    // The choice holds as long as the page.
  }
}
