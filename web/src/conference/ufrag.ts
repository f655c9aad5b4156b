/** What a page says in its first STUN packet, sealed to the entry node. docs/calls.md, section 3. */
import { base64, type Bytes, concat, text, uint } from "../crypto/bytes";
import { setupSender } from "../crypto/hpke";
import { type SigningKeys, toX25519 } from "../crypto/keys";
import type { EntryNode } from "./link";
import { encodeClaims, type Offer } from "./sdp";

/** `invite` is null for who knocks. */
export async function sealUfrag(
  entry: EntryNode,
  conference: Bytes,
  invite: SigningKeys | null,
  offer: Offer,
  nowMs: number,
): Promise<string> {
  const minute = uint(Math.floor(nowMs / 60_000), 8);
  const said = concat(offer.fingerprint, entry.fingerprint, conference, minute);
  const proof = invite ? concat(invite.publicKey, await invite.sign("conclave/ufrag/1", said)) : new Uint8Array(0);
  const { enc, context } = await setupSender(toX25519(entry.node), concat(text("conclave/ufrag/1"), entry.node));
  return base64(concat(enc, await context.seal(encodeClaims(offer, proof))));
}
