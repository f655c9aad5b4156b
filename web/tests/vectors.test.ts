/** The official vectors, as far as $CONCLAVE_VECTORS has them. */
import { existsSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { fromHex, hex } from "../src/crypto/bytes";
import { setupRecipient, setupSender } from "../src/crypto/hpke";
import { toX25519, SigningKeys, X25519Keys } from "../src/crypto/keys";
import { decodeHeader, encodeHeader, FrameKey } from "../src/crypto/sframe";

const root = process.env.CONCLAVE_VECTORS;
// Key ids and counters are 64 bits wide, more than a JSON number holds here: they are read as texts.
const read = (path: string) =>
  JSON.parse(readFileSync(`${root}/${path}`, "utf8").replace(/"(kid|ctr)":\s*(\d+)/g, '"$1":"$2"'));

describe.skipIf(!root || !existsSync(root))("official vectors", () => {
  test("SFrame headers and AES_128_GCM_SHA256_128 frames (RFC 9605)", async () => {
    const vectors = read("sframe/test-vectors.json");
    for (const each of vectors.header) {
      expect(hex(encodeHeader(BigInt(each.kid), BigInt(each.ctr)))).toBe(each.encoded);
      const header = decodeHeader(fromHex(each.encoded));
      expect([header.kid, header.counter]).toEqual([BigInt(each.kid), BigInt(each.ctr)]);
    }
    const frames = vectors.sframe.filter((each: { cipher_suite: number }) => each.cipher_suite === 4);
    expect(frames.length).toBeGreaterThan(0);
    for (const each of frames) {
      const key = await FrameKey.derive(BigInt(each.kid), fromHex(each.base_key));
      const metadata = fromHex(each.metadata);
      const whole = await key.seal(BigInt(each.ctr), metadata, fromHex(each.pt));
      expect(hex(whole)).toBe(each.metadata + each.ct);
      const sealed = whole.subarray(metadata.length);
      expect(hex(await key.open(decodeHeader(sealed), metadata, sealed))).toBe(each.metadata + each.pt);
    }
  });

  test("HPKE base mode with AES-128-GCM (RFC 9180)", async () => {
    const all = read("hpke/rfc9180-x25519-sha256.json");
    const vectors = all.filter((each: { mode: number; aead_id: number }) => each.mode === 0 && each.aead_id === 1);
    expect(vectors.length).toBeGreaterThan(0);
    for (const each of vectors) {
      const recipient = await X25519Keys.fromSeed(fromHex(each.skRm));
      const ephemeral = await X25519Keys.fromSeed(fromHex(each.skEm));
      const { enc, context } = await setupSender(recipient.publicKey, fromHex(each.info), ephemeral);
      expect(hex(enc)).toBe(each.enc);
      const first = each.encryptions[0];
      expect(hex(await context.seal(fromHex(first.pt ?? first.plaintext), fromHex(first.aad)))).toBe(first.ct ?? first.ciphertext);
      const receiver = await setupRecipient(enc, recipient, fromHex(each.info));
      for (const one of each.exports)
        expect(hex(await receiver.export(fromHex(one.exporter_context), one.L ?? 32))).toBe(one.exported_value);
    }
  });
});

test("both halves of an Ed25519 pair convert to one X25519 pair", async () => {
  // RFC 8032: the secret scalar is the first half of SHA-512(seed); RFC 7748 clamps it alike.
  const seed = new Uint8Array(32).fill(1);
  const expanded = new Uint8Array(await crypto.subtle.digest("SHA-512", seed));
  const converted = await X25519Keys.fromSeed(expanded.slice(0, 32));
  const keys = await SigningKeys.fromSeed(seed);
  expect(hex(toX25519(keys.publicKey))).toBe(hex(converted.publicKey));
});
