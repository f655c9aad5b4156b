#include "crypto/call_frames.hpp"

#include "crypto/hash.hpp"

namespace conclave::e2ee {
namespace {

constexpr std::string_view name{"conclave/kid/1\0", 15};

Bytes joined(ByteView a, ByteView b) {
  Bytes out = copy(a);
  append(out, b);
  return out;
}

}  // namespace

std::uint64_t key_id(const SigningPublicKey& call, Kind kind, std::uint16_t generation) {
  const Byte of = static_cast<Byte>(kind);
  auto digest = crypto::sha256({view(name), call, ByteView(&of, 1)});
  std::uint64_t id = 0;
  for (int i = 0; i < 6; ++i) id = id << 8 | digest.bytes[static_cast<std::size_t>(i)];
  return id << 16 | generation;
}

std::size_t clear_size(Kind kind, ByteView frame) {
  if (kind == Kind::audio || kind == Kind::data || frame.empty()) return 0;
  const bool key_frame = (frame[0] & 1) == 0;  // RFC 7741, 4.3: the inverse key frame flag
  return std::min<std::size_t>(frame.size(), key_frame ? 10 : 1);
}

void FrameSealer::use(std::uint16_t generation, ByteView base_key) {
  sender_.emplace(base_key, key_id(call_, kind_, generation));
}

Result<Bytes> FrameSealer::seal(ByteView frame) {
  if (!sender_) return fail(Errc::not_found);
  auto clear = frame.first(clear_size(kind_, frame));
  return joined(clear, sender_->seal(clear, frame.subspan(clear.size())));
}

void FrameOpener::use(std::uint16_t generation, ByteView base_key) {
  receiver_.add(base_key, key_id(call_, kind_, generation));
  // Messages overtake each other; generations count in a circle.
  if (newest_ && static_cast<std::int16_t>(generation - newest_->generation) < 0) return;
  newest_ = Newest{generation, copy(base_key)};
}

Result<Bytes> FrameOpener::open(ByteView frame) {
  auto clear = frame.first(clear_size(kind_, frame));
  auto sealed = frame.subspan(clear.size());
  TRY(auto decoded, sframe::decode_header(sealed));
  if (!receiver_.knows(decoded.header.key_id)) return open_ratcheted(decoded.header.key_id, clear, sealed);
  TRY(auto opened, receiver_.open(clear, sealed));
  return joined(clear, opened.plain);
}

Result<Bytes> FrameOpener::open_ratcheted(std::uint64_t id, ByteView clear, ByteView sealed) {
  if (!newest_) return fail(Errc::not_found);
  const auto generation = static_cast<std::uint16_t>(id);
  const auto steps = static_cast<std::uint16_t>(generation - newest_->generation);
  if (steps == 0 || steps > ratchet_max || id != key_id(call_, kind_, generation)) return fail(Errc::not_found);
  Bytes base_key = newest_->base_key;
  for (unsigned i = 0; i < steps; ++i) base_key = copy(sframe::ratchet(base_key).view());
  // On trial: a fresh key has the same number, and this frame may be its first.
  sframe::Receiver trial(1);
  trial.add(base_key, id);
  if (!trial.open(clear, sealed)) return fail(Errc::not_found);
  use(generation, base_key);
  TRY(auto opened, receiver_.open(clear, sealed));
  return joined(clear, opened.plain);
}

}  // namespace conclave::e2ee
