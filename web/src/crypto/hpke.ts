/**
 * HPKE (RFC 9180), base mode: DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-128-GCM. One message per context is all
 * that is used here, so sequence numbers other than zero do not occur.
 */
import { type Bytes, concat, fromHex, Malformed, text, uint } from "./bytes";
import { hkdfExpand, hkdfExtract } from "./hash";
import { X25519Keys } from "./keys";

const kemSuite = concat(text("KEM"), fromHex("0020"));
const suite = concat(text("HPKE"), fromHex("002000010001"));
const version = text("HPKE-v1");
const empty = new Uint8Array(0);

const labeledExtract = (id: Uint8Array, salt: Uint8Array, label: string, input: Uint8Array): Promise<Bytes> =>
  hkdfExtract(salt, concat(version, id, text(label), input));

const labeledExpand = (id: Uint8Array, key: Uint8Array, label: string, info: Uint8Array, length: number): Promise<Bytes> =>
  hkdfExpand(key, concat(uint(length, 2), version, id, text(label), info), length);

/** What both ends share after setup: seals or opens one message, exports secrets. */
export class HpkeContext {
  private constructor(
    private readonly key: CryptoKey,
    private readonly nonce: Bytes,
    private readonly exporter: Bytes,
  ) {}

  /** RFC 9180, section 5.1, KeySchedule with mode_base. */
  static async schedule(shared: Uint8Array, info: Uint8Array): Promise<HpkeContext> {
    const pskIdHash = await labeledExtract(suite, empty, "psk_id_hash", empty);
    const infoHash = await labeledExtract(suite, empty, "info_hash", info);
    const context = concat(Uint8Array.of(0), pskIdHash, infoHash);
    const secret = await labeledExtract(suite, shared, "secret", empty);
    const key = await labeledExpand(suite, secret, "key", context, 16);
    const nonce = await labeledExpand(suite, secret, "base_nonce", context, 12);
    const exporter = await labeledExpand(suite, secret, "exp", context, 32);
    const imported = await crypto.subtle.importKey("raw", key, "AES-GCM", false, ["encrypt", "decrypt"]);
    return new HpkeContext(imported, nonce, exporter);
  }

  async seal(plaintext: Uint8Array, aad: Uint8Array = empty): Promise<Bytes> {
    const parameters = { name: "AES-GCM", iv: this.nonce, additionalData: concat(aad) };
    return new Uint8Array(await crypto.subtle.encrypt(parameters, this.key, concat(plaintext)));
  }

  async open(sealed: Uint8Array, aad: Uint8Array = empty): Promise<Bytes> {
    const parameters = { name: "AES-GCM", iv: this.nonce, additionalData: concat(aad) };
    try {
      return new Uint8Array(await crypto.subtle.decrypt(parameters, this.key, concat(sealed)));
    } catch {
      throw new Malformed("does not open under this key");
    }
  }

  export(label: Uint8Array, length: number): Promise<Bytes> {
    return labeledExpand(suite, this.exporter, "sec", label, length);
  }
}

async function sharedSecret(dh: Uint8Array, enc: Uint8Array, recipient: Uint8Array): Promise<Bytes> {
  const prk = await labeledExtract(kemSuite, empty, "eae_prk", dh);
  return labeledExpand(kemSuite, prk, "shared_secret", concat(enc, recipient), 32);
}

/** SetupBaseS. `ephemeral` is handed in by tests alone. */
export async function setupSender(
  recipient: Uint8Array,
  info: Uint8Array,
  ephemeral?: X25519Keys,
): Promise<{ enc: Bytes; context: HpkeContext }> {
  const ours = ephemeral ?? (await X25519Keys.generate());
  const shared = await sharedSecret(await ours.shared(recipient), ours.publicKey, recipient);
  return { enc: ours.publicKey, context: await HpkeContext.schedule(shared, info) };
}

/** SetupBaseR. */
export async function setupRecipient(enc: Uint8Array, ours: X25519Keys, info: Uint8Array): Promise<HpkeContext> {
  const shared = await sharedSecret(await ours.shared(enc), enc, ours.publicKey);
  return HpkeContext.schedule(shared, info);
}
