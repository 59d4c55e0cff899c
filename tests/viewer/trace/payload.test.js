import assert from 'node:assert/strict';
import test from 'node:test';
import { gzipSync } from 'node:zlib';
import { Sentence, unpackPayload } from '#viewer/trace/payload';

const packed = (bytes) => gzipSync(bytes).toString('base64');

test('base64 around gzip comes out whole', async () => {
  const bytes = Uint8Array.from({ length: 100_000 }, (_, i) => (i * i) % 251);
  assert.deepEqual(await unpackPayload(packed(bytes), bytes.length), bytes);
});

test('damage is an error and not a wrong number', async () => {
  const bytes = gzipSync(Buffer.from('some bytes'));
  bytes[bytes.length - 6] ^= 1;
  await assert.rejects(unpackPayload(bytes.toString('base64'), 10), /checksum does not hold/);
  await assert.rejects(unpackPayload('not base64 !', 10), Sentence);
  await assert.rejects(unpackPayload('', 10), Sentence);
});

test('more or less than promised is refused', async () => {
  await assert.rejects(unpackPayload(packed(new Uint8Array(50_000_000)), 1000), /longer than it says/);
  await assert.rejects(unpackPayload(packed(new Uint8Array(10)), 1000), /shorter than it says/);
  for (const size of [NaN, -1, 1.5, 2 ** 40]) await assert.rejects(unpackPayload(packed(new Uint8Array(1)), size), /impossible size/);
});

test('a browser without the means is told so', async () => {
  const kept = globalThis.DecompressionStream;
  delete globalThis.DecompressionStream;
  try {
    await assert.rejects(unpackPayload('', 0), /lacks DecompressionStream/);
  } finally {
    globalThis.DecompressionStream = kept;
  }
});
