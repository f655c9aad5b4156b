#pragma once
/// Links to a conference, and the proof of an invite that a page's ufrag carries. docs/calls.md, section 3.
#include "node/calls/statement.hpp"
#include "transport/io/endpoint.hpp"

namespace conclave::calls {

/// A node through which one gets in.
struct EntryNode {
  io::Endpoint at;
  std::string ice_pwd;
  crypto::Digest fingerprint;  ///< SHA-256 of its DTLS certificate
  NodeKey node;
  bool operator==(const EntryNode&) const = default;
};

/// The ways in through one node, best first. Strangers have got in at the first `proven` of them (dial-back, docs/nat.md).
struct Doors {
  std::vector<EntryNode> entries;
  std::size_t proven = 0;
};

struct ConferenceLink {
  static constexpr std::size_t entries_max = 5;
  static constexpr std::size_t entries_wanted = 3;  ///< proven ones; with fewer, others are named as well
  static constexpr std::size_t size_max = 2048;
  ConferenceKey conference;
  std::optional<Secret<32>> invite;  ///< without: one may knock
  std::vector<EntryNode> entries;
  bool operator==(const ConferenceLink&) const = default;
};

/// What a link names: proven ways in, ours first and then one of each other node; unproven ones only where there are
/// fewer than `entries_wanted` of those.
std::vector<EntryNode> entries_for_link(const Doors& own, const std::vector<Doors>& others);

/// The fragment's value, base64url.
std::string to_text(const ConferenceLink& link);
/// Fails with Errc::malformed, bad_checksum (a typing error), unsupported or too_long. Takes a whole address with
/// `#c=` in it as well.
Result<ConferenceLink> conference_link_from_text(std::string_view text);

/// What the invite's signature in a ufrag is over.
Bytes ufrag_statement(ByteView page_fingerprint, ByteView node_fingerprint, const ConferenceKey& conference,
                      std::int64_t minute);
inline constexpr Domain ufrag_domain{"conclave/ufrag/1"};
inline constexpr std::int64_t ufrag_minutes_max = 10;

/// The invite that `proof` (invite key ‖ signature) shows for one of `conferences`. Fails with Errc::wrong_length or
/// bad_signature. Whether the invite still admits is the roster's business.
struct Shown {
  ConferenceKey conference;
  InviteKey invite;
};
Result<Shown> open_proof(ByteView proof, ByteView page_fingerprint, ByteView node_fingerprint,
                         std::span<const ConferenceKey> conferences, UnixTime now);

/// HPKE's info of a sealed ufrag for this node.
Bytes ufrag_info(const NodeKey& node);

}  // namespace conclave::calls
