/** What a page says in its first STUN packet, sealed to the entry node. docs/calls.md, section 3. */
import { base64, type Bytes, concat, text, uint } from "../crypto/bytes";
import { setupSender } from "../crypto/hpke";
import { type SigningKeys, toX25519 } from "../crypto/keys";
import type { EntryNode } from "./link";

export interface PayloadTypes {
  audio: number;
  video: number;
  rtx: number;
}

export const browser = { other: 0, chromium: 1, firefox: 2, safari: 3 } as const;

export function thisBrowser(): number {
  const agent = navigator.userAgent;
  if (/Firefox\//.test(agent)) return browser.firefox;
  if (/Chrom(e|ium)\//.test(agent)) return browser.chromium;
  return /Safari\//.test(agent) ? browser.safari : browser.other;
}

/** `invite` is null for who knocks. */
export async function sealUfrag(
  entry: EntryNode,
  conference: Bytes,
  invite: SigningKeys | null,
  pageFingerprint: Bytes,
  types: PayloadTypes,
  agent: number,
  nowMs: number,
): Promise<string> {
  const minute = uint(Math.floor(nowMs / 60_000), 8);
  const proof = concat(pageFingerprint, entry.fingerprint, conference, minute);
  const signature = invite ? await invite.sign("conclave/ufrag/1", proof) : new Uint8Array(64);
  const plaintext = concat(
    Uint8Array.of(1, types.audio, types.video, types.rtx, agent),
    pageFingerprint,
    invite?.publicKey ?? new Uint8Array(32),
    signature,
  );
  const { enc, context } = await setupSender(toX25519(entry.node), concat(text("conclave/ufrag/1"), entry.node));
  return base64(concat(enc, await context.seal(plaintext)));
}
