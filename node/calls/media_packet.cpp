#include "node/calls/media_packet.hpp"

#include "crypto/ensure.hpp"
#include "crypto/hkdf.hpp"

namespace conclave::calls {
namespace {

void put32(Byte* to, std::uint32_t value) {
  for (int i = 0; i < 4; ++i) to[i] = static_cast<Byte>(value >> (24 - 8 * i));
}
std::uint32_t get32(const Byte* from) {
  return static_cast<std::uint32_t>(from[0]) << 24 | static_cast<std::uint32_t>(from[1]) << 16 |
         static_cast<std::uint32_t>(from[2]) << 8 | from[3];
}

std::array<Byte, 12> nonce_of(std::uint64_t number) {
  std::array<Byte, 12> out{};
  for (std::size_t i = 0; i < 8; ++i) out[4 + i] = static_cast<Byte>(number >> (56 - 8 * i));
  return out;
}

crypto::Aead direction(crypto::AeadAlgorithm algorithm, const Secret<32>& secret, bool to_responder) {
  auto key = crypto::hkdf_expand<32>(secret.view(), view(to_responder ? "i2r" : "r2i"));
  return crypto::Aead(algorithm, key.view());
}

}  // namespace

bool UnitWriter::unit(UnitType type, ByteView body) {
  if (used_ + unit_header_size + body.size() > buffer_.size()) return false;
  Byte* at = buffer_.data() + used_;
  at[0] = static_cast<Byte>(type);
  at[1] = static_cast<Byte>(body.size() >> 8);
  at[2] = static_cast<Byte>(body.size());
  std::copy(body.begin(), body.end(), at + unit_header_size);
  used_ += unit_header_size + body.size();
  return true;
}

bool UnitWriter::media(const MediaUnit& unit, UnitType type) {
  const auto size = media_unit_size + unit.payload.size();
  if (used_ + unit_header_size + size > buffer_.size()) return false;
  Byte* at = buffer_.data() + used_;
  at[0] = static_cast<Byte>(type);
  at[1] = static_cast<Byte>(size >> 8);
  at[2] = static_cast<Byte>(size);
  at += unit_header_size;
  put32(at, unit.stream);
  at[4] = unit.part;
  put32(at + 5, unit.sequence);
  put32(at + 9, unit.timestamp);
  at[13] = unit.flags;
  at[14] = unit.level;
  std::copy(unit.payload.begin(), unit.payload.end(), at + media_unit_size);
  used_ += unit_header_size + size;
  return true;
}

Result<std::optional<Unit>> next_unit(ByteView& rest) {
  if (rest.empty()) return std::optional<Unit>();
  if (rest.size() < unit_header_size) return fail(Errc::malformed);
  const std::size_t size = static_cast<std::size_t>(rest[1]) << 8 | rest[2];
  if (rest[0] < 1 || rest[0] > 7 || rest.size() < unit_header_size + size) return fail(Errc::malformed);
  Unit out{static_cast<UnitType>(rest[0]), rest.subspan(unit_header_size, size)};
  rest = rest.subspan(unit_header_size + size);
  return out;
}

Result<MediaUnit> read_media(ByteView body) {
  if (body.size() < media_unit_size) return fail(Errc::malformed);
  const Byte* at = body.data();
  return MediaUnit{get32(at), at[4], get32(at + 5), get32(at + 9), at[13], at[14], body.subspan(media_unit_size)};
}

MediaSealer::MediaSealer(crypto::AeadAlgorithm algorithm, const Secret<32>& secret, bool initiator)
    : aead_(direction(algorithm, secret, initiator)) {}

MediaSealer::Sealed MediaSealer::seal(MutableBytes packet, std::size_t units, std::uint32_t their_link) {
  ensure(packet.size() >= media_header_size + units + crypto::Aead::tag_size, "room for header and tag");
  const auto number = next_++;
  packet[0] = media_first_byte;
  packet[1] = static_cast<Byte>(their_link >> 16);
  packet[2] = static_cast<Byte>(their_link >> 8);
  packet[3] = static_cast<Byte>(their_link);
  put32(packet.data() + 4, static_cast<std::uint32_t>(number));
  auto inside = packet.subspan(media_header_size, units);
  aead_.seal_into(packet.subspan(media_header_size, units + crypto::Aead::tag_size), nonce_of(number),
                  packet.first(media_header_size), inside);
  return {number, media_header_size + units + crypto::Aead::tag_size};
}

MediaOpener::MediaOpener(crypto::AeadAlgorithm algorithm, const Secret<32>& secret, bool initiator)
    : aead_(direction(algorithm, secret, !initiator)) {}

Result<MediaOpener::Opened> MediaOpener::open(MutableBytes packet) {
  if (packet.size() < media_header_size + crypto::Aead::tag_size || packet[0] != media_first_byte)
    return fail(Errc::malformed);
  // The full number is the one nearest to the newest whose low half is on the wire (RFC 9000, A.3).
  const auto low = get32(packet.data() + 4);
  const auto ahead = static_cast<std::int32_t>(low - static_cast<std::uint32_t>(newest_));
  if (ahead < 0 && static_cast<std::uint64_t>(-static_cast<std::int64_t>(ahead)) > newest_) return fail(Errc::malformed);
  const auto number = newest_ + static_cast<std::uint64_t>(static_cast<std::int64_t>(ahead));
  const std::uint64_t window = seen_.size() * 64;
  if (any_ && number <= newest_) {
    if (newest_ - number >= window || (seen_[number / 64 % seen_.size()] >> number % 64 & 1) != 0)
      return fail(Errc::refused);
  }
  auto sealed = packet.subspan(media_header_size);
  auto inside = sealed.first(sealed.size() - crypto::Aead::tag_size);
  CHECK(aead_.open_into(inside, nonce_of(number), packet.first(media_header_size), sealed));
  if (!any_ || number > newest_) {
    // Words of the window that are passed over become empty.
    const auto first = any_ ? newest_ / 64 + 1 : 0;
    for (auto word = std::max(first, number / 64 >= seen_.size() ? number / 64 - seen_.size() + 1 : 0);
         word <= number / 64; ++word)
      seen_[word % seen_.size()] = 0;
    newest_ = number;
    any_ = true;
  }
  seen_[number / 64 % seen_.size()] |= std::uint64_t{1} << number % 64;
  return Opened{number, inside};
}

Result<std::uint32_t> media_link_of(ByteView packet) {
  if (packet.size() < media_header_size || packet[0] != media_first_byte) return fail(Errc::malformed);
  return static_cast<std::uint32_t>(packet[1]) << 16 | static_cast<std::uint32_t>(packet[2]) << 8 | packet[3];
}

}  // namespace conclave::calls
