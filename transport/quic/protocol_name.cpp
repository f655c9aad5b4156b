#include "transport/quic/protocol_name.hpp"

#include "crypto/ensure.hpp"

#include <utility>

namespace conclave::quic {

Bytes encode_protocol_name(std::string_view name) {
  ensure(!name.empty() && name.size() <= protocol_name_max, "a protocol name of 1 to 64 bytes");
  Bytes out{static_cast<Byte>(name.size())};
  append(out, view(name));
  return out;
}

Result<std::optional<std::string>> ProtocolNameReader::feed(ByteView& bytes) {
  if (!size_) {
    if (bytes.empty()) return std::nullopt;
    size_ = bytes[0];
    bytes = bytes.subspan(1);
    if (*size_ == 0 || *size_ > protocol_name_max) return fail(Errc::malformed);
  }
  auto piece = bytes.first(std::min(bytes.size(), *size_ - name_.size()));
  for (auto byte : piece)
    if (byte < 0x21 || byte > 0x7e) return fail(Errc::malformed);
  name_.append(text(piece));
  bytes = bytes.subspan(piece.size());
  if (name_.size() < *size_) return std::nullopt;
  return std::optional(std::exchange(name_, {}));
}

}  // namespace conclave::quic
