#pragma once
/// libp2p's Noise transport: records of a 2-byte big-endian length and that many bytes of ChaCha20-Poly1305, the
/// nonce counting up from zero.
///
/// Spec: libp2p/specs, noise/README.md, "Wire Format"; Noise revision 34, section 12.3. OpenSSL's implementation is
/// used here, not libsodium's as elsewhere: it has AVX-512 code and is five times as fast on records of 64 KiB.
#include <memory>
#include <optional>

#include "crypto/secret.hpp"

namespace conclave::tcp {

constexpr std::size_t record_prefix = 2;
constexpr std::size_t record_tag = 16;
constexpr std::size_t record_plain_max = 65535 - record_tag;
constexpr std::size_t record_max = record_prefix + 65535;

/// One direction's key and nonce.
class RecordCipher {
 public:
  explicit RecordCipher(const Secret<32>& key);
  RecordCipher(RecordCipher&&) noexcept;
  RecordCipher& operator=(RecordCipher&&) noexcept;
  ~RecordCipher();

  /// Makes a record of the `plain` bytes (at most `record_plain_max`) that stand at `at + record_prefix`, in place.
  /// There is room for `record_tag` bytes behind them. Returns the size of the record.
  std::size_t seal(Byte* at, std::size_t plain);
  /// Decrypts the record body (without its length) in place; returns the plain text, which points into it.
  /// Fails with Errc::undecryptable; Errc::malformed for fewer bytes than a tag.
  Result<MutableBytes> open(MutableBytes body);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// The record at the front of `in`, without its length; nothing if it is not complete yet.
std::optional<MutableBytes> next_record(MutableBytes in);

}  // namespace conclave::tcp
