/** Bytes: texts for them, joining, comparing. All numbers on the wire are big endian. */

export type Bytes = Uint8Array<ArrayBuffer>;

const utf8 = new TextEncoder();

export const text = (value: string): Bytes => utf8.encode(value) as Bytes;

export function concat(...parts: Uint8Array[]): Bytes {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

export function same(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

/** Lexicographic, as C++ compares arrays. */
export function compare(a: Uint8Array, b: Uint8Array): number {
  for (let i = 0; i < Math.min(a.length, b.length); ++i) if (a[i] !== b[i]) return a[i]! - b[i]!;
  return a.length - b.length;
}

export const hex = (bytes: Uint8Array): string => [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");

export function fromHex(digits: string): Bytes {
  if (digits.length % 2 !== 0 || !/^[0-9a-f]*$/i.test(digits)) throw new Malformed("not hexadecimal");
  return Uint8Array.from(digits.match(/../g) ?? [], (pair) => parseInt(pair, 16));
}

/** RFC 4648 base64, without padding. */
export function base64(bytes: Uint8Array): string {
  let binary = "";
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return btoa(binary).replace(/=+$/, "");
}

export const base64url = (bytes: Uint8Array): string => base64(bytes).replaceAll("+", "-").replaceAll("/", "_");

export function fromBase64url(digits: string): Bytes {
  if (!/^[A-Za-z0-9_-]*$/.test(digits)) throw new Malformed("not base64url");
  try {
    return Uint8Array.from(atob(digits.replaceAll("-", "+").replaceAll("_", "/")), (char) => char.charCodeAt(0));
  } catch {
    throw new Malformed("not base64url");
  }
}

export function uint(value: number | bigint, length: number): Bytes {
  const out = new Uint8Array(length);
  let rest = BigInt(value);
  for (let i = length - 1; i >= 0; --i, rest >>= 8n) out[i] = Number(rest & 0xffn);
  return out;
}

/** Something from outside is not what it should be. The one kind of error that parsers throw. */
export class Malformed extends Error {}
