/** Numbers as text. A number that is not zero never reads as zero, one that is not certain never reads as certain. */

const SPACE = '\u00a0';

/** @param {number} value whole number */
export function count(value) {
  return String(value).replace(/\B(?=(\d{3})+$)/g, ','); // toLocaleString takes tens of milliseconds to begin
}

/** Per cent with one decimal. @param {number} p in [0, 1] */
export function percent(p) {
  if (Number.isNaN(p)) return '\u2013';
  if (p === 0 || p === 1) return `${100 * p}${SPACE}%`;
  if (p > 0 && p < 0.0005) return `<0.1${SPACE}%`;
  if (p < 1 && p >= 0.9995) return `>99.9${SPACE}%`;
  return `${(100 * p).toFixed(1)}${SPACE}%`;
}

/** Per cent, or a power of ten where per cent says too little. @param {number} p in [0, 1] */
export function probability(p) {
  if (!(p > 0 && p < 0.0005)) return percent(p);
  const exponent = Math.floor(Math.log10(p));
  return `${(p / 10 ** exponent).toFixed(1)}${SPACE}\u00d7${SPACE}10${superscript(exponent)}`;
}

/** @param {number} value @param {string} unit '' for none */
export function decimal(value, unit) {
  const suffix = unit ? SPACE + unit : '';
  if (Number.isNaN(value)) return 'not measured';
  if (value === Infinity) return `infinite${suffix}`;
  if (value > 0 && value < 0.005) return `<0.01${suffix}`;
  return value.toFixed(2) + suffix;
}

/** A share such as the margin, told apart from its two ends. @param {number} value in [0, 1] */
export function share(value) {
  if (Number.isNaN(value)) return 'not measured';
  if (value > 0 && value < 0.0005) return '<0.001';
  if (value < 1 && value >= 0.9995) return '>0.999';
  return value.toFixed(3);
}

/** @param {Uint8Array} bytes @param {number} most how many are shown */
export function hexBytes(bytes, most) {
  const shown = Array.from(bytes.subarray(0, most), (byte) => byte.toString(16).padStart(2, '0'));
  return (bytes.length > most ? [...shown, '\u2026'] : shown).join(' ');
}

/** @param {number} value whole number */
function superscript(value) {
  const digits = '\u2070\u00b9\u00b2\u00b3\u2074\u2075\u2076\u2077\u2078\u2079';
  return String(value).replace('-', '\u207b').replace(/\d/g, (digit) => digits.charAt(Number(digit)));
}
