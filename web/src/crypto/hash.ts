/** SHA-256, HMAC and HKDF (RFC 5869) by the browser's own implementation. */
import { type Bytes, concat, text } from "./bytes";

export async function sha256(...parts: Uint8Array[]): Promise<Bytes> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", concat(...parts)));
}

export async function hmac(key: Uint8Array, message: Uint8Array): Promise<Bytes> {
  // WebCrypto refuses an empty HMAC key; one zero byte is the same key after padding (RFC 2104).
  const raw = key.length === 0 ? new Uint8Array(1) : concat(key);
  const imported = await crypto.subtle.importKey("raw", raw, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  return new Uint8Array(await crypto.subtle.sign("HMAC", imported, concat(message)));
}

export const hkdfExtract = (salt: Uint8Array, input: Uint8Array): Promise<Bytes> => hmac(salt, input);

export async function hkdfExpand(key: Uint8Array, info: Uint8Array, length: number): Promise<Bytes> {
  let out: Bytes = new Uint8Array(0);
  let block: Bytes = new Uint8Array(0);
  for (let i = 1; out.length < length; ++i) {
    block = await hmac(key, concat(block, info, Uint8Array.of(i)));
    out = concat(out, block);
  }
  return out.slice(0, length);
}

/** `label ‖ 0x00 ‖ rest`: hashes of one kind are never those of another. */
export const named = (label: string, ...parts: Uint8Array[]): Bytes => concat(text(label), Uint8Array.of(0), ...parts);
