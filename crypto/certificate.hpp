#pragma once
/// What an account key says about its devices: this node is mine (certificate), this node is no longer mine
/// (revocation). Byte-exact description: docs/identity.md.
///
/// A revocation is for good and has no order: whatever certificate the account gave that node key, before or after,
/// is void. A device that comes back makes a new node key. So nobody needs to agree about which statement is newer.
#include <optional>

#include "crypto/keys.hpp"
#include "crypto/time.hpp"

namespace conclave {

struct Certificate {
  static constexpr std::size_t name_max = 64;  ///< bytes of UTF-8
  static constexpr std::size_t size_max = 320;

  AccountKey account;
  NodeKey node;
  std::uint64_t sequence = 0;  ///< among this account's certificates of this node the highest one counts
  UnixTime created;
  UnixTime expires;
  std::string name;  ///< of the device, for people
  Signature signature;
  bool operator==(const Certificate&) const = default;
};

struct Revocation {
  static constexpr std::size_t size_max = 160;

  AccountKey account;
  NodeKey node;
  UnixTime created;
  Signature signature;
  bool operator==(const Revocation&) const = default;
};

/// `created` lies before `expires`, and `name` is UTF-8 of at most name_max bytes.
Certificate certify(const AccountKeys& account, const NodeKey& node, std::uint64_t sequence, UnixTime created,
                    UnixTime expires, std::string name);
Revocation revoke(const AccountKeys& account, const NodeKey& node, UnixTime created);

Bytes encode(const Certificate& certificate);
Bytes encode(const Revocation& revocation);

/// Form only. Fail with Errc::malformed, trailing_bytes, unexpected_type, wrong_length, too_long or unsupported
/// (another version).
Result<Certificate> decode_certificate(ByteView in);
Result<Revocation> decode_revocation(ByteView in);

/// Everything that makes a certificate hold at `now`, clocks being up to `clock_skew` off. `revocations` have been
/// verified. The caller still compares `account` and `node` with whom it expects. Fails with Errc::bad_signature,
/// bad_key (a node key that no handshake could use), expired or revoked.
Result<> verify(const Certificate& certificate, UnixTime now, std::span<const Revocation> revocations = {});
/// Fails with Errc::bad_signature.
Result<> verify(const Revocation& revocation);

}  // namespace conclave
