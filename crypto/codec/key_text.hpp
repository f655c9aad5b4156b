#pragma once
/// Public keys as people and other programs write them.
///
/// Account and conference: multibase base58btc of multicodec ed25519-pub (0xed 0x01 ‖ key), `z6Mk…`, 48
/// characters; `did:key:z6Mk…` (W3C did:key) is read as well. Node: libp2p peer id (libp2p/specs, peer-ids)
/// with the identity multihash, `12D3KooW…`; its CIDv1 texts (`bafz…`, `z5AanNVJ…`) are read as well.
///
/// These texts carry no checksum. Reading one therefore also checks that the key is a usable point of the
/// curve (Errc::bad_key), which catches about 15 typing errors of 16; links (crypto/link.hpp) catch them all.
#include "crypto/keys.hpp"

namespace conclave::codec {

std::string to_text(const AccountKey& key);
std::string to_text(const ConferenceKey& key);
std::string to_text(const NodeKey& key);
/// `did:key:z6Mk…`
std::string to_did(const AccountKey& key);

/// Fail with Errc::malformed, too_long, unsupported (another kind of key), wrong_length or bad_key.
Result<AccountKey> account_key_from_text(std::string_view text);
Result<ConferenceKey> conference_key_from_text(std::string_view text);
Result<NodeKey> node_key_from_text(std::string_view text);

/// The binary peer id (a multihash) of a text in any of its forms, whatever kind of key it names. Fails with
/// Errc::malformed, too_long or unsupported (a CID of something else).
Result<Bytes> peer_id_from_text(std::string_view text);

/// The binary peer id: identity multihash of the key's protobuf, 38 bytes.
Bytes peer_id(const NodeKey& key);
/// Fails with Errc::malformed or unsupported (a peer whose key is not Ed25519) or bad_key.
Result<NodeKey> node_key_from_peer_id(ByteView peer_id);

/// libp2p's `PublicKey` protobuf, deterministic form: 08 01 12 20 ‖ key.
Bytes public_key_protobuf(const NodeKey& key);
/// Fails with Errc::malformed, unsupported or bad_key.
Result<NodeKey> node_key_from_protobuf(ByteView protobuf);

}  // namespace conclave::codec
