/** The page's one voice: what a screen reader hears, and the few messages that everybody should see. */

const SHOWN = 2500; // milliseconds

/** @param {HTMLElement} root a polite live region, out of sight */
export function mountAnnouncer(root) {
  let timer = 0;

  /** For screen readers only. @param {string} text */
  const say = (text) => {
    root.textContent = text;
  };
  return {
    say,
    /** For everybody, until it is called with nothing. @param {string} text */
    hold(text) {
      if (!text && !timer) root.className = 'visually-hidden';
      if (!text) return;
      clearTimeout(timer);
      timer = 0;
      say(text);
      root.className = 'toast';
    },
    /** For everybody, for a moment. @param {string} text */
    show(text) {
      say(text);
      root.className = 'toast';
      clearTimeout(timer);
      timer = window.setTimeout(() => {
        root.className = 'visually-hidden';
        timer = 0;
      }, SHOWN);
    },
  };
}
