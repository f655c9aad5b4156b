#pragma once
/// As much of Protocol Buffers as libp2p's messages need: varints and byte strings, one level at a time.
///
/// Spec: protobuf.dev, "Encoding". The reader walks the fields of one message without copying and without
/// recursion: a nested message is a byte string that its own reader walks. Work is linear in the input.
#include <optional>

#include "crypto/bytes.hpp"

namespace conclave::wire {

class ProtobufReader {
 public:
  struct Field {
    std::uint32_t number = 0;
    bool is_bytes = false;    ///< length-delimited: `bytes` is set, otherwise `value`
    std::uint64_t value = 0;  ///< varint, or a fixed 32 or 64 bit number
    ByteView bytes;           ///< points into the message
  };

  explicit ProtobufReader(ByteView message) : rest_(message) {}

  /// The next field; nothing at the end; Errc::malformed for good. Groups, long deprecated, are malformed. Varints
  /// are read in any form of up to ten bytes, as the specification has it.
  Result<std::optional<Field>> next();

 private:
  ByteView rest_;
};

class ProtobufWriter {
 public:
  /// `value` is below 2^63.
  void number(std::uint32_t field, std::uint64_t value);
  void bytes(std::uint32_t field, ByteView value);
  void text(std::uint32_t field, std::string_view value) { bytes(field, view(value)); }
  Bytes take() { return std::move(out_); }

 private:
  Bytes out_;
};

}  // namespace conclave::wire
