#pragma once
/// SFrame, RFC 9605, cipher suite 4 (AES_128_GCM_SHA256_128): media frames encrypted end to end.
///
///     frame = header ‖ ciphertext ‖ tag (16)      header = config byte ‖ key id ‖ counter, both in the fewest bytes
///     nonce = salt XOR counter                    associated data = header ‖ metadata
///
/// A key id is a sender and 16 bits of generation, so that a receiver can follow the ratchet (RFC 9605, 5.1) without
/// being told. Whoever has a key can forge frames of its owner: sender keys protect against non-members only.
#include <map>
#include <optional>

#include "crypto/aead.hpp"

namespace conclave::sframe {

inline constexpr std::size_t header_max = 17;
inline constexpr std::size_t base_key_size = 16;  ///< of what members send each other; the ratchet goes on with 32

struct Header {
  std::uint64_t key_id = 0;
  std::uint64_t counter = 0;
  bool operator==(const Header&) const = default;
};
Bytes encode(const Header& header);
struct DecodedHeader {
  Header header;
  std::size_t size = 0;  ///< bytes read
};
/// Fails with Errc::malformed: too short, or a number in more bytes than it needs.
Result<DecodedHeader> decode_header(ByteView frame);

/// The next base key, RFC 9605, 5.1: who has only this one cannot compute the former.
Secret<32> ratchet(ByteView base_key);

/// The cipher for one key id.
class Key {
 public:
  Key(ByteView base_key, std::uint64_t key_id);

  std::uint64_t id() const { return id_; }
  /// The caller never uses a counter twice: use `Sender`.
  Bytes seal(std::uint64_t counter, ByteView metadata, ByteView plain);
  /// `frame` as received, its header decoded. Fails with Errc::undecryptable.
  Result<Bytes> open(const DecodedHeader& decoded, ByteView metadata, ByteView frame);

 private:
  std::uint64_t id_;
  crypto::Aead aead_;
  std::array<Byte, 12> salt_;
};

/// Seals with counters that never repeat.
class Sender {
 public:
  Sender(ByteView base_key, std::uint64_t key_id) : key_(base_key, key_id) {}
  Bytes seal(ByteView metadata, ByteView plain) { return key_.seal(counter_++, metadata, plain); }
  std::uint64_t sent() const { return counter_; }

 private:
  Key key_;
  std::uint64_t counter_ = 0;
};

/// Opens frames of several keys, each frame once. Frames may come late, up to `window` counters behind the newest.
class Receiver {
 public:
  static constexpr std::uint64_t window = 1024;

  /// Keeps at most `keys_max` keys; the one added first goes first.
  explicit Receiver(std::size_t keys_max) : keys_max_(keys_max) {}

  /// A key id that is known keeps its key and its memory of counters: adding again must not open the door to replays.
  void add(ByteView base_key, std::uint64_t key_id);
  void remove(std::uint64_t key_id);
  bool knows(std::uint64_t key_id) const { return keys_.contains(key_id); }

  struct Opened {
    Header header;
    Bytes plain;
  };
  /// Fails with Errc::malformed, not_found (unknown key id), undecryptable, or refused (seen before, or too old).
  Result<Opened> open(ByteView metadata, ByteView frame);

 private:
  struct Known {
    Key key;
    std::uint64_t added = 0;
    std::uint64_t newest = 0;
    bool any = false;
    std::array<std::uint64_t, window / 64> seen{};
  };
  static bool fresh(const Known& known, std::uint64_t counter);
  static void note(Known& known, std::uint64_t counter);

  std::size_t keys_max_;
  std::uint64_t added_ = 0;
  std::map<std::uint64_t, Known> keys_;
};

}  // namespace conclave::sframe
