#include "transport/quic/initial.hpp"

namespace conclave::quic {
namespace {

/// Reads forward and never past the end; one flag for "it did not fit".
class Reader {
 public:
  explicit Reader(ByteView in) : in_(in) {}
  bool good() const { return good_; }
  std::size_t at() const { return at_; }
  ByteView rest() const { return in_.subspan(at_); }

  Byte byte() {
    auto got = take(1);
    return got.empty() ? Byte{0} : got[0];
  }
  ByteView take(std::uint64_t size) {
    if (!good_ || size > in_.size() - at_) {
      good_ = false;
      return {};
    }
    auto out = in_.subspan(at_, static_cast<std::size_t>(size));
    at_ += out.size();
    return out;
  }
  /// RFC 9000 16.
  std::uint64_t varint() {
    std::uint64_t value = byte();
    auto more = (1u << (value >> 6)) - 1;
    value &= 0x3f;
    for (; more > 0; --more) value = value << 8 | byte();
    return value;
  }

 private:
  ByteView in_;
  std::size_t at_ = 0;
  bool good_ = true;
};

}  // namespace

Result<LongHeader> decode_long_header(ByteView datagram) {
  Reader in(datagram);
  auto first = in.byte();
  if ((first & 0xc0) != 0xc0) return fail(Errc::malformed);
  LongHeader out;
  out.type = static_cast<LongHeader::Type>(first >> 4 & 3);
  for (int i = 0; i < 4; ++i) out.version = out.version << 8 | in.byte();
  if (in.good() && out.version != 1) return fail(Errc::unsupported);
  TRY(out.destination, Cid::from(in.take(in.byte())));
  TRY(out.source, Cid::from(in.take(in.byte())));
  if (out.type == LongHeader::Type::initial) out.token = in.take(in.varint());
  if (out.type == LongHeader::Type::retry) {
    out.size = datagram.size();
    return in.good() ? Result<LongHeader>(out) : fail(Errc::malformed);
  }
  auto length = in.varint();
  out.number_at = in.at();
  in.take(length);
  if (!in.good()) return fail(Errc::malformed);
  out.size = in.at();
  return out;
}

InitialProtection InitialProtection::of(const Cid& original, const X25519Key& responder, bool for_initiator) {
  auto secrets = initial_secrets(original, responder);
  return {InitialKeys((for_initiator ? secrets.responder : secrets.initiator).view()),
          for_initiator ? secrets.initiator : secrets.responder};
}

Result<InitialPacket> open_initial(InitialKeys& keys, const LongHeader& header, ByteView packet, Bytes& text) {
  constexpr std::size_t number_max = 4;
  // RFC 9001 5.4.2: the sample starts four bytes behind the start of the packet number, whatever its length.
  if (packet.size() < header.number_at + number_max + crypto::HeaderProtection::sample_size)
    return fail(Errc::malformed);
  auto mask =
      keys.mask.mask(packet.subspan(header.number_at + number_max, crypto::HeaderProtection::sample_size));
  auto first = static_cast<Byte>(packet[0] ^ (mask[0] & 0x0f));
  if (first & 0x0c) return fail(Errc::malformed);  // reserved bits
  std::size_t number_size = (first & 3) + 1u;
  Bytes associated = copy(packet.first(header.number_at + number_size));
  associated[0] = first;
  InitialPacket out;
  for (std::size_t i = 0; i < number_size; ++i) {
    auto& byte = associated[header.number_at + i];
    byte ^= mask[1 + i];
    out.number = out.number << 8 | byte;
  }
  auto sealed = packet.subspan(associated.size());
  if (sealed.size() < PacketKey::tag_size) return fail(Errc::malformed);
  text.resize(sealed.size() - PacketKey::tag_size);
  out.payload = text;
  CHECK(keys.key.open(text.data(), crypto::counter_nonce(keys.key.iv(), out.number), associated,
                      sealed));
  return out;
}

Result<InitialFrames> decode_initial_frames(ByteView payload) {
  enum : std::uint64_t { padding = 0, ping = 1, ack = 2, ack_ecn = 3, crypto = 6 };
  InitialFrames out;
  Reader in(payload);
  if (payload.empty()) return fail(Errc::malformed);
  while (in.good() && !in.rest().empty()) {
    switch (auto type = in.varint()) {
      case padding:
      case ping:
        break;
      case ack:
      case ack_ecn: {
        out.acknowledged = std::max(out.acknowledged.value_or(0), in.varint());
        in.varint();  // delay
        auto ranges = in.varint();
        in.varint();  // the first range
        if (ranges > in.rest().size()) return fail(Errc::malformed);
        for (; ranges > 0 && in.good(); --ranges) in.varint(), in.varint();
        if (type == ack_ecn) in.varint(), in.varint(), in.varint();
        break;
      }
      case crypto: {
        if (out.crypto) return fail(Errc::unexpected_type);
        auto offset = in.varint();
        out.crypto = {offset, in.take(in.varint())};
        break;
      }
      default:
        return fail(Errc::unexpected_type);
    }
  }
  if (!in.good()) return fail(Errc::malformed);
  return out;
}

bool only_part_of(const InitialFrames& frames, ByteView message, std::uint64_t sent_max) {
  if (frames.acknowledged && *frames.acknowledged >= sent_max) return false;
  if (!frames.crypto) return true;
  auto& [offset, bytes] = *frames.crypto;
  if (offset > message.size() || bytes.size() > message.size() - offset) return false;
  return std::equal(bytes.begin(), bytes.end(), message.begin() + static_cast<std::ptrdiff_t>(offset));
}

}  // namespace conclave::quic
