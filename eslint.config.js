/**
 * What no script of the page may do: make markup, code or addresses from text, ask the network for anything, leave the page. One rule for
 * each way there is; an exception stands beside its line with its reason. tests/reports/test_sinks.py shows that each rule sees what it is for.
 */

const MARKUP = 'innerHTML|outerHTML|srcdoc|insertAdjacentHTML|setHTML|setHTMLUnsafe|getHTML|parseHTMLUnsafe|createContextualFragment|parseFromString|insertRule|replaceSync|cssText';
const ELEMENTS = 'script|style|iframe|frame|object|embed|base|link|meta|form|img|audio|video|portal|applet';
const ADDRESSES = 'href|src|srcset|action|formAction|data|ping|background|poster|cite';
const ATTRIBUTES = 'on.*|href|src|srcset|srcdoc|action|formaction|style|data|ping|poster|background|xlink:.*';

const sink = (/** @type {string} */ selector, /** @type {string} */ message) => ({ selector, message });

const SINKS = [
  sink(`MemberExpression[property.name=/^(?:${MARKUP})$/]`, 'markup from text: make elements with h()'),
  sink(`MemberExpression[computed=true] > Literal[value=/^(?:${MARKUP})$/]`, 'markup from text: make elements with h()'),
  sink('Identifier[name=/^(?:DOMParser|XSLTProcessor|Range\\.createContextualFragment)$/]', 'markup from text: make elements with h()'),
  sink("CallExpression[callee.object.name='document'][callee.property.name=/^(?:write|writeln|open|execCommand)$/]", 'markup from text: make elements with h()'),
  sink(`CallExpression[callee.property.name=/^createElement(?:NS)?$/] > Literal[value=/^(?:${ELEMENTS})$/i]`, 'an element that loads, runs or styles'),
  sink(`CallExpression[callee.name='h'] > Literal:first-child[value=/^(?:${ELEMENTS})$/i]`, 'an element that loads, runs or styles'),
  sink("CallExpression[callee.property.name='createElementNS']", 'an element of another language'),
  sink("CallExpression[callee.property.name='createElement']:not([arguments.0.type='Literal'])", 'an element whose name is data'),
  sink(`CallExpression[callee.property.name=/^setAttribute(?:NS|Node)?$/] > Literal[value=/^(?:${ATTRIBUTES})$/i]`, 'an attribute that loads, runs or styles'),
  sink("CallExpression[callee.property.name='setAttribute']:not([arguments.0.type='Literal']):not([arguments.0.quasis.0.value.raw=/^(?:aria|data)-/])", 'an attribute whose name is data'),
  sink('CallExpression[callee.property.name=/^setAttribute(?:NS|Node)$/]', 'an attribute with a namespace'),
  sink(`AssignmentExpression[left.property.name=/^(?:${ADDRESSES}|on[a-z]+)$/]`, 'an address or a handler by assignment'),
  sink("AssignmentExpression[left.property.name='text'][left.object.name!='last']", 'the text of a script'),
  sink("Property[key.name=/^(?:href|src)$/]:not([value.quasis.0.value.raw=/^#/]):not([value.value=/^#/]):not([parent.type='ObjectPattern'])", 'an address that does not begin with #'),
  sink("AssignmentExpression[left.name='location']", 'leaves the page'),
  sink("AssignmentExpression[left.object.name='location']", 'leaves the page'),
  sink("AssignmentExpression[left.property.name='location']", 'leaves the page'),
  sink("CallExpression[callee.object.name='location'][callee.property.name=/^(?:assign|replace)$/]", 'leaves the page'),
  sink("CallExpression[callee.property.name='open'][callee.object.name=/^(?:window|globalThis|self)$/]", 'opens a window'),
  sink('ImportExpression', 'code from an address'),
  sink("CallExpression[callee.property.name='sendBeacon']", 'asks the network'),
  sink("CallExpression[callee.property.name='createPolicy']", 'a policy that makes text trusted'),
];
// What a call takes lies on the stack, and a list can be longer than that: h(), append() and replace() take lists as they are.
const SPREAD = ['CallExpression > SpreadElement.arguments', 'NewExpression > SpreadElement.arguments', "CallExpression[callee.property.name='apply']"]
  .map((selector) => sink(selector, 'a list of unknown length as arguments'));
const NETWORK = ['fetch', 'XMLHttpRequest', 'WebSocket', 'WebTransport', 'EventSource', 'Worker', 'SharedWorker', 'Image', 'Audio', 'RTCPeerConnection', 'importScripts', 'open', 'Function'];
const PAGE = ['document', 'window', 'location', 'history', 'navigator', 'localStorage', 'sessionStorage', 'matchMedia', 'getComputedStyle', 'requestAnimationFrame'];

export default [
  {
    files: ['viewer/**/*.js'],
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    languageOptions: { ecmaVersion: 'latest', sourceType: 'module', globals: { window: 'readonly', setTimeout: 'readonly', setInterval: 'readonly', requestIdleCallback: 'readonly' } },
    rules: {
      'no-eval': 'error',
      'no-implied-eval': 'error',
      'no-new-func': 'error',
      'no-script-url': 'error',
      'no-restricted-globals': ['error', ...NETWORK],
      'no-restricted-syntax': ['error', ...SINKS, ...SPREAD],
      'max-len': ['error', { code: 160 }],
      'max-lines-per-function': ['error', 105],
    },
  },
  {
    files: ['viewer/trace/**/*.js', 'viewer/reading/**/*.js'], // what computes knows no page
    rules: { 'no-restricted-globals': ['error', ...NETWORK, ...PAGE] },
  },
];
