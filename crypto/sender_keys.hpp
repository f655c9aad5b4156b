#pragma once
/// Who has whose base keys in a call, and how they change: HPKE once per pair, a chain afterwards, forward when
/// somebody comes, anew when somebody leaves. docs/calls.md, section 6; the page has the same in
/// web/src/conference/sender_keys.ts, and each opens what the other sealed (tests).
///
/// Signing with call keys: a member can forge another member's frames, as in every sender-key scheme without a
/// signature per frame; nobody else can.
#include <functional>
#include <map>
#include <set>
#include <variant>

#include "crypto/call_frames.hpp"
#include "crypto/hash.hpp"
#include "crypto/keys.hpp"
#include "crypto/time.hpp"

namespace conclave::e2ee {

struct BaseKeys {
  std::uint16_t generation = 0;
  std::map<Kind, Bytes> keys;  ///< 16 bytes when made, 32 once ratcheted
  bool operator==(const BaseKeys&) const = default;
};

struct Peer {
  SigningPublicKey call;
  X25519Key call_x25519;
};

class SenderKeys {
 public:
  static constexpr std::size_t message_max = 1024;
  static constexpr std::uint64_t skip_max = 64;  ///< lost messages of a chain that are stepped over
  static constexpr std::size_t firsts_max = 4096;

  /// `call_x25519` is the secret of the call's X25519 key.
  SenderKeys(const ConferenceKey& conference, SigningKeys call, const Secret<32>& call_x25519, Random& random);

  const BaseKeys& current() const { return own_; }
  /// Somebody left: keys that nobody can derive from the old ones.
  void renew();
  /// Somebody came: the keys' next ratchet step, so that they cannot read what was before.
  void forward();
  /// The chains with somebody who left.
  void forget(const SigningPublicKey& call);

  /// The message that gives `peer` our current keys.
  Result<Bytes> message_for(const Peer& peer, const crypto::Digest& roster);
  /// "Send me your keys again"; nothing if we asked less than two seconds ago.
  std::optional<Bytes> please(const Peer& peer, TimePoint now);

  struct Keys {
    SigningPublicKey call;
    BaseKeys base;
  };
  struct Please {
    SigningPublicKey call;
  };
  using Received = std::variant<Keys, Please>;
  /// The one place where key messages are believed. Fails with Errc of the codec, refused (not from a member, not to
  /// us, replayed), bad_signature, undecryptable.
  Result<Received> receive(ByteView message, const std::function<bool(const SigningPublicKey&)>& is_member);

 private:
  struct Chain {
    Secret<32> secret;
    std::uint64_t number = 0;
    Secret<16> step();
  };
  Bytes info(const SigningPublicKey& sender, const SigningPublicKey& recipient) const;
  Bytes plaintext(const crypto::Digest& roster) const;
  Result<Bytes> first_for(const Peer& peer, const crypto::Digest& roster);
  Result<BaseKeys> open_first(const SigningPublicKey& from, ByteView message);
  Result<BaseKeys> open_next(const SigningPublicKey& from, ByteView message);

  ConferenceKey conference_;
  SigningKeys call_;
  Secret<32> call_x25519_;
  Random& random_;
  BaseKeys own_;
  std::map<SigningPublicKey, Chain> outgoing_;
  std::map<SigningPublicKey, Chain> incoming_;
  std::set<X25519Key> firsts_;
  std::map<SigningPublicKey, TimePoint> pleased_;
};

}  // namespace conclave::e2ee
