#pragma once
/// What a node leaves at a meeting point: readable only for who knows the public key the point belongs to, and
/// replaceable only by its publisher. Byte-exact description: docs/identity.md, "Sealed entries".
///
/// A holder can check form, signature and time (`verify_entry`), and nothing else: not whose entry it is, nor whether
/// the body opens. A reader opens every entry and keeps what verifies (`open_entry`).
#include "crypto/certificate.hpp"
#include "crypto/meeting_point.hpp"

namespace conclave {

struct SealedEntry {
  static constexpr std::size_t sealed_max = 1000;  ///< bytes of the sealed body
  static constexpr std::size_t size_max = 1200;    ///< bytes of the whole

  MeetingPoint at;
  SigningPublicKey publisher;
  std::uint64_t sequence = 0;  ///< the newest of a publisher counts; publishers use Unix milliseconds
  UnixTime expires;
  Bytes sealed;
  Signature signature;
  bool operator==(const SealedEntry&) const = default;
};

/// No holder keeps an entry longer than this past now: a day published one margin early, and its day of overlap.
inline constexpr std::chrono::milliseconds entry_lifetime_max = 2 * day_length + publish_margin;

/// What readers learn. Addresses are multiaddrs, as bytes; at an address a node listens itself, a relay forwards to
/// it. A node may publish relays only.
struct EntryContent {
  static constexpr std::size_t addresses_max = 8;
  static constexpr std::size_t relays_max = 4;

  NodeKey node;
  /// Why the node belongs here: an encoded Certificate at an account's meeting point, a membership proof (node/calls)
  /// at a conference's.
  Bytes proof;
  std::vector<Bytes> addresses;
  std::vector<Bytes> relays;
  bool operator==(const EntryContent&) const = default;
};

/// Seals and signs. `node` is content.node's pair; `day` is one of days_to_publish; `expires` is cut to
/// expiry_limit(day). Fails with Errc::too_long where the content does not fit.
Result<SealedEntry> seal_entry(MeetingKind kind, ByteView key, Day day, const EntryContent& content,
                               const NodeKeys& node, std::uint64_t sequence, UnixTime expires, Random& random);

Bytes encode(const SealedEntry& entry);
/// Form only. Fails with Errc::malformed, trailing_bytes, unexpected_type, wrong_length, too_long or unsupported.
Result<SealedEntry> decode_entry(ByteView in);

/// All that a holder can check. Fails with Errc::bad_signature, expired (or too far ahead).
Result<> verify_entry(const SealedEntry& entry, UnixTime now);

/// For readers: place, publisher's signature, time, seal, and the node's own signature. The proof is not judged:
/// `open_account_entry` does, and for conferences who knows the members. Fails with Errc::refused (an entry of another
/// meeting point), bad_signature, expired, undecryptable, or as codec::unpack does.
Result<EntryContent> open_entry(MeetingKind kind, ByteView key, Day day, const SealedEntry& entry, UnixTime now);

/// `open_entry`, and the certificate: of this account, for this node, valid and not revoked. Fails like open_entry,
/// decode_certificate and verify(Certificate), and with Errc::refused for a certificate about somebody else.
struct AccountEntry {
  EntryContent content;
  Certificate certificate;
};
Result<AccountEntry> open_account_entry(const AccountKey& account, Day day, const SealedEntry& entry, UnixTime now,
                                        std::span<const Revocation> revocations = {});

}  // namespace conclave
