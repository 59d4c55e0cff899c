/** Canvases: as many pixels as the screen has, drawn once a frame, in colours and fonts of the style sheet. */

/**
 * @param {HTMLCanvasElement} canvas @param {number} width @param {number} height
 * @returns {CanvasRenderingContext2D | null} whose unit is a pixel of the style sheet
 */
export function sized(canvas, width, height) {
  const context = canvas.getContext('2d');
  const density = window.devicePixelRatio || 1;
  canvas.width = Math.round(width * density);
  canvas.height = Math.round(height * density);
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
  context?.scale(density, density);
  return context;
}

/** Work that is done once before the next frame, however often it is asked for. @param {() => void} work */
export function onceAFrame(work) {
  let waiting = false;
  return () => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => {
      waiting = false;
      work();
    });
  };
}

/** The colour that the style sheet calls by a name. @param {HTMLElement} probe an element that nobody sees @param {string} name */
export function colourOf(probe, name) {
  probe.style.color = `var(--${name})`;
  return getComputedStyle(probe).color;
}

/** The font of an element, small. @param {Element} element */
export function fontOf(element) {
  return `11px ${getComputedStyle(element).fontFamily}`;
}
