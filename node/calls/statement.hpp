#pragma once
/// What is said about who may be in a conference, signed. docs/calls.md, section 2.
///
/// A statement is kept and passed on as the bytes that were signed; `Statement` is what they say.
#include "crypto/certificate.hpp"
#include "crypto/hash.hpp"
#include "crypto/keys.hpp"
#include "crypto/time.hpp"

#include <optional>
#include <variant>

namespace conclave::calls {

using CallKey = SigningPublicKey;    ///< a member
using InviteKey = SigningPublicKey;  ///< whoever holds its secret may certify members
using IssuerKey = SigningPublicKey;  ///< any of the keys that sign statements
using MemberId = Fixed<struct MemberIdTag, 6>;

MemberId member_id(const CallKey& key);

struct Admin {
  AccountKey account;
  bool operator==(const Admin&) const = default;
};
struct Invite {
  static constexpr std::uint8_t no_admission = 1;  ///< right: in without being admitted
  InviteKey key;
  UnixTime expires;
  std::uint16_t members_max = 0;
  std::uint8_t rights = 0;
  bool operator==(const Invite&) const = default;
};
struct Member {
  static constexpr std::size_t name_max = 64;  ///< bytes of UTF-8
  CallKey call;
  X25519Key call_x25519;
  std::optional<AccountKey> account;
  std::string name;
  UnixTime expires;
  std::optional<InviteKey> invite;
  /// The call key's own word for its X25519 key and its name: whoever may certify members could otherwise
  /// speak for one that is in already, under another name or with keys of its own.
  Signature consent;
  bool operator==(const Member&) const = default;
};
/// What `Member::consent` is over.
Bytes consent_statement(const ConferenceKey& conference, const X25519Key& call_x25519, std::string_view name);
inline constexpr Domain consent_domain{"conclave/consent/1"};
/// The statement of a member about itself, for an invite, an admin or nobody to sign. `name` is cut to its
/// limit.
Member introduce(const SigningKeys& call, const X25519Key& call_x25519, const ConferenceKey& conference,
                 std::string_view name, UnixTime expires, const std::optional<InviteKey>& invite);

struct Remove {
  CallKey call;
  std::optional<InviteKey> invite;
  bool operator==(const Remove&) const = default;
};
struct Revoke {
  SigningPublicKey key;  ///< an invite, or an admin's account
  bool operator==(const Revoke&) const = default;
};
struct Leave {
  bool operator==(const Leave&) const = default;
};
struct State {
  static constexpr std::uint8_t hand = 1, muted = 2, camera_off = 4, screen = 8, knocking = 16;
  std::uint64_t sequence = 0;
  std::optional<NodeKey> entry;
  std::uint8_t flags = 0;
  bool operator==(const State&) const = default;
};
struct Mute {
  CallKey call;
  std::uint8_t kinds = 0;  ///< bit 0 audio, 1 video, 2 screen
  bool operator==(const Mute&) const = default;
};
struct Serve {
  std::uint64_t uplink_bps = 0;
  bool operator==(const Serve&) const = default;
};
/// In the order of their numbers on the wire, from 1.
using Saying = std::variant<Admin, Invite, Member, Remove, Revoke, Leave, State, Mute, Serve>;

struct Statement {
  static constexpr std::size_t size_max = 2048;

  ConferenceKey conference;
  UnixTime issued;
  Saying saying;
  IssuerKey issuer;
  std::optional<Certificate> certificate;  ///< when `issuer` is a node key that speaks for an account
  Bytes bytes;                             ///< as it travels
  crypto::Digest digest;                   ///< of `bytes`: its name in sets

  /// The account that says it, if it is one's node that signed.
  std::optional<AccountKey> account() const;
  bool by_conference() const { return issuer.bytes == conference.bytes; }
};

/// Signs. `certificate` goes with node keys that speak for their account.
template <class Keys>
Statement issue(const Keys& keys, const ConferenceKey& conference, UnixTime now, Saying saying,
                const std::optional<Certificate>& certificate = std::nullopt);

/// The one place where a statement from outside is believed: form, limits, signature, certificate, a member's
/// consent, and that it is about `conference` and not from the future. Whether its issuer may say so is the
/// roster's business. Fails with Errc of the codec, bad_signature, bad_key, expired, unsupported or refused.
Result<Statement> open_statement(ByteView in, const ConferenceKey& conference, UnixTime now);

}  // namespace conclave::calls
