#include "crypto/sealed_entry.hpp"

#include "crypto/aead.hpp"
#include "crypto/codec/msgpack.hpp"
#include "crypto/ensure.hpp"

namespace conclave {
namespace {

constexpr std::uint8_t version = 1;
constexpr Domain entry_domain{"conclave/entry/1"};
constexpr Domain content_domain{"conclave/entry-content/1"};
constexpr std::size_t nonce_size = crypto::nonce_size(crypto::AeadAlgorithm::xchacha20_poly1305);
// Bodies are padded to steps of this many bytes, so that a holder does not learn how many addresses there
// are.
constexpr std::size_t padding_step = 128;
constexpr std::size_t length_size = 2;
constexpr std::size_t plain_max = SealedEntry::sealed_max - nonce_size - crypto::Aead::tag_size;

// The orders below are the protocol.
using EntryWire =
    std::tuple<std::uint8_t, MeetingPoint, SigningPublicKey, std::uint64_t, UnixTime, Bytes, Signature>;
using ContentWire =
    std::tuple<std::uint8_t, NodeKey, Bytes, std::vector<Bytes>, std::vector<Bytes>, Signature>;

Bytes signed_part(const SealedEntry& e) {
  return codec::pack(std::tuple(version, e.at, e.publisher, e.sequence, e.expires, e.sealed));
}

/// The node signs what it says together with the place and the publisher: nobody who can read an entry can
/// put its content elsewhere under a publisher key of his own.
Bytes signed_part(const EntryContent& c, const MeetingPoint& at, const SigningPublicKey& publisher) {
  return codec::pack(std::tuple(version, at, publisher, c.node, c.proof, c.addresses, c.relays));
}

Bytes associated(const MeetingPoint& at, const SigningPublicKey& publisher) {
  Bytes out = copy(at);
  append(out, publisher);
  return out;
}

crypto::Aead cipher(MeetingKind kind, ByteView key, Day day) {
  return crypto::Aead(crypto::AeadAlgorithm::xchacha20_poly1305, body_key(kind, key, day).view());
}

/// length as 2 bytes, big endian ‖ text ‖ zeros up to a step.
Result<Bytes> padded(ByteView text) {
  const std::size_t size = length_size + text.size();
  if (size > plain_max) return fail(Errc::too_long);
  Bytes out;
  out.push_back(static_cast<Byte>(text.size() >> 8));
  out.push_back(static_cast<Byte>(text.size()));
  append(out, text);
  out.resize(std::min(plain_max, (size + padding_step - 1) / padding_step * padding_step));
  return out;
}

Result<ByteView> unpadded(ByteView plain) {
  if (plain.size() < length_size) return fail(Errc::malformed);
  std::size_t size = static_cast<std::size_t>(plain[0] << 8 | plain[1]);
  plain = plain.subspan(length_size);
  if (size > plain.size()) return fail(Errc::malformed);
  return plain.first(size);
}

Result<> check_limits(const EntryContent& content) {
  bool fits = content.addresses.size() <= EntryContent::addresses_max &&
              content.relays.size() <= EntryContent::relays_max;
  return fits ? Result<>() : fail(Errc::too_long);
}

}  // namespace

Result<SealedEntry> seal_entry(MeetingKind kind, ByteView key, Day day, const EntryContent& content,
                               const NodeKeys& node, std::uint64_t sequence, UnixTime expires,
                               Random& random) {
  ensure(content.node == node.public_key(), "the content names the node that signs it");
  CHECK(check_limits(content));
  SealedEntry out;
  out.at = meeting_point(kind, key, day);
  auto publisher = publisher_keys(node, out.at);
  out.publisher = publisher.public_key();
  out.sequence = sequence;
  out.expires = std::min(expires, expiry_limit(day));
  auto signature = node.sign(content_domain, signed_part(content, out.at, out.publisher));
  TRY(auto plain, padded(codec::pack(ContentWire{version, content.node, content.proof, content.addresses,
                                                 content.relays, signature})));
  out.sealed.resize(nonce_size);
  random.fill(out.sealed);
  append(out.sealed, cipher(kind, key, day).seal(copy(out.sealed), associated(out.at, out.publisher), plain));
  out.signature = publisher.sign(entry_domain, signed_part(out));
  return out;
}

Bytes encode(const SealedEntry& e) {
  return codec::pack(EntryWire{version, e.at, e.publisher, e.sequence, e.expires, e.sealed, e.signature});
}

Result<SealedEntry> decode_entry(ByteView in) {
  if (in.size() > SealedEntry::size_max) return fail(Errc::too_long);
  TRY(auto kind, codec::peek_kind(in));
  if (kind != version) return fail(Errc::unsupported);
  TRY(auto wire, codec::unpack<EntryWire>(in));
  auto& [number, at, publisher, sequence, expires, sealed, signature] = wire;
  if (sealed.size() > SealedEntry::sealed_max) return fail(Errc::too_long);
  return SealedEntry{at, publisher, sequence, expires, std::move(sealed), signature};
}

Result<> verify_entry(const SealedEntry& entry, UnixTime now) {
  if (entry.sealed.size() > SealedEntry::sealed_max) return fail(Errc::too_long);
  // An `expires` near the ends of its type must not overflow: compare on this side of the addition.
  if (entry.expires <= now - clock_skew || entry.expires > now + entry_lifetime_max + clock_skew)
    return fail(Errc::expired);
  return crypto::verify(entry.publisher, entry_domain, signed_part(entry), entry.signature);
}

Result<EntryContent> open_entry(MeetingKind kind, ByteView key, Day day, const SealedEntry& entry,
                                UnixTime now) {
  if (entry.at != meeting_point(kind, key, day)) return fail(Errc::refused);
  if (entry.expires > expiry_limit(day)) return fail(Errc::expired);
  if (entry.sealed.size() < nonce_size) return fail(Errc::undecryptable);
  // The cheap check first: most noise at a meeting point comes from those who do not know the key.
  ByteView sealed = entry.sealed;
  TRY(auto plain,
      cipher(kind, key, day)
          .open(sealed.first(nonce_size), associated(entry.at, entry.publisher), sealed.subspan(nonce_size)));
  CHECK(verify_entry(entry, now));
  TRY(auto text, unpadded(plain));
  TRY(auto number, codec::peek_kind(text));
  if (number != version) return fail(Errc::unsupported);
  TRY(auto wire, codec::unpack<ContentWire>(text));
  auto& [version_again, node, proof, addresses, relays, signature] = wire;
  EntryContent out{node, std::move(proof), std::move(addresses), std::move(relays)};
  CHECK(check_limits(out));
  CHECK(crypto::to_x25519(node));
  CHECK(crypto::verify(node, content_domain, signed_part(out, entry.at, entry.publisher), signature));
  return out;
}

Result<AccountEntry> open_account_entry(const AccountKey& account, Day day, const SealedEntry& entry,
                                        UnixTime now, std::span<const Revocation> revocations) {
  TRY(auto content, open_entry(MeetingKind::account, account, day, entry, now));
  TRY(auto certificate, decode_certificate(content.proof));
  if (certificate.account != account || certificate.node != content.node) return fail(Errc::refused);
  CHECK(verify(certificate, now, revocations));
  return AccountEntry{std::move(content), std::move(certificate)};
}

}  // namespace conclave
