#include "node/calls/seals.hpp"

#include "crypto/hash.hpp"

namespace conclave::calls {
namespace {

constexpr std::string_view kid_name{"conclave/kid/1\0", 15};

std::uint64_t number_in(ByteView bytes) {
  std::uint64_t out = 0;
  for (Byte byte : bytes) out = out << 8 | byte;
  return out;
}

}  // namespace

Seals::Seals(const CallKey& call) {
  for (std::size_t i = 0; i < prefixes_.size(); ++i) {
    const auto kind = static_cast<Byte>(i + 1);
    prefixes_[i] =
        number_in(ByteView(crypto::sha256({view(kid_name), call, ByteView(&kind, 1)}).bytes).first(6));
  }
}

bool Seals::has(MediaKind kind, ByteView payload) const {
  if (payload.empty()) return false;
  // RFC 7741, 4.3: the lowest bit of a VP8 frame is 0 in key frames.
  const std::size_t clear = kind == MediaKind::audio ? 0 : (payload[0] & 1) == 0 ? 10 : 1;
  if (payload.size() <= clear) return false;
  // RFC 9605, 4.3: a config byte; its upper half is a flag and how many bytes the key id has, less one.
  const auto bits = static_cast<Byte>(payload[clear] >> 4);
  const std::size_t size = (bits & 7) + 1U;
  if ((bits & 8) == 0 || payload.size() < clear + 1 + size) return false;
  return number_in(payload.subspan(clear + 1, size)) >> 16 == prefixes_[static_cast<std::size_t>(kind) - 1];
}

}  // namespace conclave::calls
