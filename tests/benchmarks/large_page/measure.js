/**
 * Runs in each page before its own scripts, and measures it from inside. `pages` says how each is used; all get the same events.
 *
 * A frame is measured from its first animation callback to the first task after it, which is when style, layout and paint of the main
 * thread are done. `own` is what an action takes of the main thread: its handler, and the frame that shows its answer; the waiting for
 * the screen's clock is left out. `after` is the frame behind that one. `latency` is from the action to the end of the frame that
 * shows its answer, waiting included.
 */

(() => {
  const pages = {
    report: { tokens: '.code .t', isReady: () => document.body?.classList.contains('interactive'), scroller: () => document.getElementById('code'), first: 'n' },
    naive: { tokens: '.token', isReady: () => true, scroller: () => document.scrollingElement, first: 'n' },
    empty: { tokens: '#line', isReady: () => true, first: 'n' },
  };
  const kind = /large-(\w+)\.html/.exec(location.pathname)?.[1];
  if (!kind) return;
  const { tokens, isReady, scroller, first } = pages[kind];

  const afterTask = () => new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => resolve(performance.now());
    port2.postMessage(0);
  });
  /** The next frame: when its callbacks began, when it was done. */
  const frame = () => new Promise((resolve) => {
    requestAnimationFrame((begin) => {
      const [asked, now] = [begin, performance.now()];
      afterTask().then((end) => resolve({ asked, begin: now, end }));
    });
  });
  const pause = (time) => new Promise((resolve) => setTimeout(resolve, time));
  const press = (key) => document.body.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true }));

  async function timed(work) {
    await pause(60);
    await frame();
    const next = frame(); // asked for before the work, so that its callback is the frame's first
    const start = performance.now();
    work();
    const handled = performance.now() - start;
    const one = await next;
    const two = await frame();
    return { own: handled + one.end - one.begin, after: two.end - two.begin, latency: one.end - start };
  }

  async function opening() {
    while (!(isReady() && document.querySelector(tokens))) await new Promise((resolve) => requestAnimationFrame(resolve));
    const shown = await afterTask();
    const { latency } = await answer(() => press(first));
    return { shown, answered: performance.now(), latency };
  }

  async function answer(work) {
    const next = frame();
    const start = performance.now();
    work();
    const { end } = await next;
    return { latency: end - start };
  }

  /** Tokens in sight. */
  function inSight() {
    return [...document.querySelectorAll(tokens)].filter((element) => {
      const { top, bottom } = element.getBoundingClientRect();
      return top > 200 && bottom < innerHeight - 40;
    });
  }

  const ACTIONS = {
    nothing: () => () => {},
    recolour: () => (turn) => press(turn % 2 ? '1' : '2'),
    step: () => () => press('ArrowRight'),
    'next uncertain': () => () => press('n'),
    hover: () => {
      const seen = inSight();
      return (turn) => seen[(turn * 7) % seen.length].dispatchEvent(new PointerEvent('pointerover', { bubbles: true, pointerType: 'mouse' }));
    },
    scroll: () => {
      const box = scroller();
      return () => box.scrollBy({ top: 300, behavior: 'instant' });
    },
    branch: () => {
      press(']'); // the first token with other continuations: nearly all of the path stands behind it
      return () => press('b');
    },
  };

  window.large = {
    first: opening(),
    /** Each action so many times. @param {number} repeats */
    async actions(repeats) {
      const found = {};
      for (const [name, prepare] of Object.entries(ACTIONS)) {
        const work = prepare();
        await pause(300);
        found[name] = [];
        for (let turn = 0; turn < repeats; turn++) found[name].push(await timed(() => work(turn)));
      }
      return found;
    },
    state: () => ({ elements: document.querySelectorAll('*').length, tokens: document.querySelectorAll(tokens).length }),
  };
})();
