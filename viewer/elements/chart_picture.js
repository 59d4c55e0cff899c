/** A chart as a picture: marks on the page -> SVG text, or strokes on a canvas. Pure but for the canvas that it is given. */

/** @typedef {{ x: number, y: number, width: number, height: number }} Box pixels */
/** @typedef {Box & { fill: string, radius?: number }} Fill */
/** @typedef {{ size: string, style: string, weight: string, family: string }} Font */
/** @typedef {Box & Font & { text: string, fill: string, base: number, clip: Box | null }} Words base: the line that letters stand on */
/** @typedef {Box & { canvas: HTMLCanvasElement }} Drawn */
/** @typedef {Fill | Words | Drawn} Mark */

/** @param {readonly Mark[]} marks @param {{ width: number, height: number }} size */
export function toSvg(marks, { width, height }) {
  const shapes = marks.map((mark) => {
    const box = `x="${short(mark.x)}" y="${short(mark.y)}" width="${short(mark.width)}" height="${short(mark.height)}"`;
    if ('canvas' in mark) return `<image ${box} href="${mark.canvas.toDataURL()}"/>`;
    const fill = `fill="${escaped(mark.fill)}"`;
    if (!('text' in mark)) return `<rect ${box} ${mark.radius ? `rx="${short(mark.radius)}" ` : ''}${fill}/>`;
    const font = `font-family="${escaped(mark.family)}" font-size="${mark.size}" font-weight="${mark.weight}" font-style="${mark.style}"`;
    // The width holds, whatever font the reader of the picture has.
    const text = (/** @type {number} */ x, /** @type {number} */ y) =>
      `<text x="${short(x)}" y="${short(y)}" textLength="${short(mark.width)}" lengthAdjust="spacingAndGlyphs" xml:space="preserve" ` +
      `${font} ${fill}>${escaped(mark.text)}</text>`;
    const { clip } = mark;
    if (!clip) return text(mark.x, mark.base);
    const place = `x="${short(clip.x)}" y="${short(clip.y)}" width="${short(clip.width)}" height="${short(clip.height)}"`;
    return `<svg ${place}>${text(mark.x - clip.x, mark.base - clip.y)}</svg>`;
  });
  const [wide, high] = [Math.ceil(width), Math.ceil(height)];
  const head = `<svg xmlns="http://www.w3.org/2000/svg" width="${wide}" height="${high}" viewBox="0 0 ${wide} ${high}">`;
  return `${head}\n${shapes.join('\n')}\n</svg>\n`;
}

/** @param {CanvasRenderingContext2D} context @param {readonly Mark[]} marks */
export function paint(context, marks) {
  for (const mark of marks) {
    context.save();
    if ('canvas' in mark) context.drawImage(mark.canvas, mark.x, mark.y, mark.width, mark.height);
    else {
      context.fillStyle = mark.fill;
      context.beginPath();
      if ('text' in mark) {
        if (mark.clip) {
          context.rect(mark.clip.x, mark.clip.y, mark.clip.width, mark.clip.height);
          context.clip();
        }
        context.font = `${mark.style} ${mark.weight} ${mark.size} ${mark.family}`;
        context.fillText(mark.text, mark.x, mark.base, mark.width + 1);
      } else {
        context.roundRect(mark.x, mark.y, mark.width, mark.height, Math.min(mark.radius ?? 0, mark.width / 2, mark.height / 2));
        context.fill();
      }
    }
    context.restore();
  }
}

/** @param {number} value */
function short(value) {
  return String(Math.round(value * 100) / 100);
}

/** Text as XML takes it: without the characters that it cannot hold. @param {string} text */
function escaped(text) {
  return text.replace(/[^\t\n\r -\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu, '\ufffd').replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
}
