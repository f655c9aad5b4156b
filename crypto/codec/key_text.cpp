#include "crypto/codec/key_text.hpp"

#include "crypto/codec/base58.hpp"
#include "crypto/codec/base_n.hpp"

namespace conclave::codec {
namespace {

// The longest text of a key is a CID in base32, 62 characters; with "did:key:" still under this.
constexpr std::size_t key_text_max = 80;
constexpr std::array<Byte, 2> ed25519_pub{0xed, 0x01};
constexpr std::array<Byte, 4> protobuf_head{0x08, 0x01, 0x12, 0x20};  // type = Ed25519, data = 32 bytes
constexpr std::array<Byte, 2> identity_head{0x00, 0x24};              // identity multihash of 36 bytes
constexpr std::array<Byte, 2> cid_head{0x01, 0x72};                   // CID version 1, libp2p-key

bool starts_with(ByteView bytes, ByteView head) {
  return bytes.size() >= head.size() && std::equal(head.begin(), head.end(), bytes.begin());
}

Bytes joined(ByteView head, ByteView tail) {
  Bytes out = copy(head);
  append(out, tail);
  return out;
}

template <class Key> Result<Key> checked(ByteView bytes) {
  TRY(auto key, Key::from(bytes));
  CHECK(crypto::to_x25519(key));
  return key;
}

template <class Key> Result<Key> from_multibase(std::string_view text) {
  if (text.starts_with("did:key:")) text.remove_prefix(8);
  if (text.size() > key_text_max) return fail(Errc::too_long);
  if (!text.starts_with('z')) return fail(Errc::malformed);
  TRY(auto bytes, from_base58(text.substr(1)));
  if (!starts_with(bytes, ed25519_pub)) return fail(Errc::unsupported);
  return checked<Key>(ByteView(bytes).subspan(ed25519_pub.size()));
}

}  // namespace

Result<Bytes> peer_id_from_text(std::string_view text) {
  if (text.size() > key_text_max) return fail(Errc::too_long);
  if (text.starts_with('1') || text.starts_with("Qm")) return from_base58(text);
  Result<Bytes> cid = fail(Errc::malformed);
  if (text.starts_with('b')) cid = from_base32(text.substr(1));
  if (text.starts_with('z')) cid = from_base58(text.substr(1));
  if (!cid) return cid;
  if (!starts_with(*cid, cid_head)) return fail(Errc::unsupported);
  cid->erase(cid->begin(), cid->begin() + cid_head.size());
  return cid;
}

std::string to_text(const AccountKey& key) { return "z" + base58(joined(ed25519_pub, key)); }
std::string to_text(const ConferenceKey& key) { return "z" + base58(joined(ed25519_pub, key)); }
std::string to_text(const NodeKey& key) { return base58(peer_id(key)); }
std::string to_did(const AccountKey& key) { return "did:key:" + to_text(key); }

Result<AccountKey> account_key_from_text(std::string_view text) { return from_multibase<AccountKey>(text); }
Result<ConferenceKey> conference_key_from_text(std::string_view text) {
  return from_multibase<ConferenceKey>(text);
}
Result<NodeKey> node_key_from_text(std::string_view text) {
  TRY(auto id, peer_id_from_text(text));
  return node_key_from_peer_id(id);
}

Bytes peer_id(const NodeKey& key) { return joined(identity_head, public_key_protobuf(key)); }

Result<NodeKey> node_key_from_peer_id(ByteView peer_id) {
  if (peer_id.size() < 2) return fail(Errc::malformed);
  if (peer_id[0] == 0x12 && peer_id[1] == 0x20 && peer_id.size() == 34) return fail(Errc::unsupported);
  if (peer_id[0] != 0x00 || peer_id[1] != peer_id.size() - 2) return fail(Errc::malformed);
  return node_key_from_protobuf(peer_id.subspan(2));
}

Bytes public_key_protobuf(const NodeKey& key) { return joined(protobuf_head, key); }

Result<NodeKey> node_key_from_protobuf(ByteView protobuf) {
  if (protobuf.size() < 4 || protobuf[0] != 0x08) return fail(Errc::malformed);
  if (protobuf[1] != 0x01) return fail(Errc::unsupported);
  if (!starts_with(protobuf, protobuf_head)) return fail(Errc::malformed);
  return checked<NodeKey>(protobuf.subspan(protobuf_head.size()));
}

}  // namespace conclave::codec
