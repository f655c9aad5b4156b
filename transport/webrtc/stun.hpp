#pragma once
/// STUN messages (RFC 8489) with the attributes of ICE (RFC 8445 section 7.1). Only what an ICE-lite agent
/// hears and says: binding requests, answers and errors.
#include <optional>
#include <string_view>

#include "transport/io/endpoint.hpp"

namespace conclave::webrtc {

using StunTransaction = std::array<Byte, 12>;

/// A message that came in. Views point into the bytes it was decoded from.
struct StunMessage {
  enum class Class : Byte { request, indication, success, error };
  static constexpr std::uint16_t binding = 1;
  static constexpr std::size_t size_max = 1500;    ///< nobody fragments a connectivity check
  static constexpr std::size_t username_max = 513;  ///< RFC 8489 section 14.3

  Class kind = Class::request;
  std::uint16_t method = 0;
  StunTransaction transaction{};
  std::string_view username, realm, nonce, software;
  std::optional<std::uint32_t> priority;
  std::optional<std::uint64_t> controlling, controlled;
  std::optional<io::Endpoint> mapped;   ///< XOR-MAPPED-ADDRESS
  std::optional<std::uint16_t> error;   ///< 300…699
  bool use_candidate = false;
  bool fingerprint = false;             ///< present and right; a wrong one fails the decoding
  std::optional<std::uint16_t> unknown;  ///< the first comprehension-required attribute we do not know

  ByteView bytes;
  std::size_t integrity_at = 0;  ///< offset of MESSAGE-INTEGRITY; 0 when absent

  /// Whether MESSAGE-INTEGRITY is there and was made with `key`: the password itself for ICE.
  bool authentic(ByteView key) const;
};

/// Whether the bytes have the shape of STUN: what tells it from other protocols on the socket.
bool looks_like_stun(ByteView bytes);
/// Fails with Errc::malformed, Errc::too_long, Errc::bad_checksum (FINGERPRINT). Attributes behind
/// MESSAGE-INTEGRITY other than FINGERPRINT are ignored, as they are not covered by it.
Result<StunMessage> decode_stun(ByteView bytes);

/// Builds one message: attributes first, then `integrity`, then `fingerprint`.
class StunWriter {
 public:
  StunWriter(StunMessage::Class kind, const StunTransaction& transaction);
  StunWriter& username(std::string_view name);
  StunWriter& priority(std::uint32_t priority);
  StunWriter& controlling(std::uint64_t tie_breaker);
  StunWriter& use_candidate();
  StunWriter& mapped(const io::Endpoint& address);
  StunWriter& error(std::uint16_t code, std::string_view reason);
  StunWriter& unknown_attribute(std::uint16_t type);
  StunWriter& integrity(ByteView key);
  StunWriter& fingerprint();
  const Bytes& bytes() const { return bytes_; }

 private:
  void attribute(std::uint16_t type, ByteView value);
  Bytes bytes_;
};

}  // namespace conclave::webrtc
