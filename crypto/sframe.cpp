#include "crypto/sframe.hpp"

#include "crypto/ensure.hpp"
#include "crypto/hkdf.hpp"

namespace conclave::sframe {
namespace {

constexpr std::uint16_t cipher_suite = 4;
constexpr std::size_t key_size = 16;

void append_number(Bytes& to, std::uint64_t value, std::size_t size) {
  for (std::size_t i = size; i-- > 0;) to.push_back(static_cast<Byte>(value >> (8 * i)));
}

/// Bytes a number needs; at least one.
std::size_t size_of(std::uint64_t value) {
  std::size_t size = 1;
  while (size < 8 && value >> (8 * size) != 0) ++size;
  return size;
}

/// 4.3: values below 8 stand in the config byte itself, for others it holds their size less one and a flag.
Byte config_bits(std::uint64_t value) {
  return value < 8 ? static_cast<Byte>(value) : static_cast<Byte>(0x8 | (size_of(value) - 1));
}

Result<std::uint64_t> take_number(ByteView& from, Byte bits) {
  if ((bits & 0x8) == 0) return bits;
  std::size_t size = (bits & 0x7) + 1U;
  if (from.size() < size) return fail(Errc::malformed);
  std::uint64_t value = 0;
  for (Byte byte : from.first(size)) value = value << 8 | byte;
  if (value < 8 || size_of(value) != size) return fail(Errc::malformed);
  from = from.subspan(size);
  return value;
}

/// 4.4.2: label ‖ key id (8) ‖ cipher suite (2)
Bytes labeled(std::string_view label, std::uint64_t key_id) {
  Bytes out = copy(view(label));
  append_number(out, key_id, 8);
  append_number(out, cipher_suite, 2);
  return out;
}

Secret<key_size> derived_key(ByteView base_key, std::uint64_t key_id) {
  auto secret = crypto::hkdf_extract({}, base_key);
  return crypto::hkdf_expand<key_size>(secret.view(), labeled("SFrame 1.0 Secret key ", key_id));
}

std::array<Byte, 12> derived_salt(ByteView base_key, std::uint64_t key_id) {
  std::array<Byte, 12> out;
  auto secret = crypto::hkdf_extract({}, base_key);
  crypto::hkdf_expand(secret.view(), labeled("SFrame 1.0 Secret salt ", key_id), out);
  return out;
}

Bytes joined(ByteView a, ByteView b) {
  Bytes out = copy(a);
  append(out, b);
  return out;
}

}  // namespace

Bytes encode(const Header& header) {
  Bytes out{static_cast<Byte>(config_bits(header.key_id) << 4 | config_bits(header.counter))};
  if (header.key_id >= 8) append_number(out, header.key_id, size_of(header.key_id));
  if (header.counter >= 8) append_number(out, header.counter, size_of(header.counter));
  return out;
}

Result<DecodedHeader> decode_header(ByteView frame) {
  if (frame.empty()) return fail(Errc::malformed);
  ByteView rest = frame.subspan(1);
  DecodedHeader out;
  TRY(out.header.key_id, take_number(rest, frame[0] >> 4));
  TRY(out.header.counter, take_number(rest, frame[0] & 0xf));
  out.size = frame.size() - rest.size();
  return out;
}

Secret<32> ratchet(ByteView base_key) {
  return crypto::hkdf_expand<32>(crypto::hkdf_extract({}, base_key).view(), view("SFrame 1.0 Ratchet"));
}

Key::Key(ByteView base_key, std::uint64_t key_id)
    : id_(key_id),
      aead_(crypto::AeadAlgorithm::aes_128_gcm, derived_key(base_key, key_id).view()),
      salt_(derived_salt(base_key, key_id)) {}

Bytes Key::seal(std::uint64_t counter, ByteView metadata, ByteView plain) {
  Bytes out = encode(Header{id_, counter});
  const std::size_t header_size = out.size();
  Bytes associated = joined(out, metadata);
  out.resize(header_size + plain.size() + crypto::Aead::tag_size);
  aead_.seal_into(MutableBytes(out).subspan(header_size), crypto::counter_nonce(salt_, counter), associated,
                  plain);
  return out;
}

Result<Bytes> Key::open(const DecodedHeader& decoded, ByteView metadata, ByteView frame) {
  ensure(decoded.header.key_id == id_, "a frame of this key");
  return aead_.open(crypto::counter_nonce(salt_, decoded.header.counter),
                    joined(frame.first(decoded.size), metadata), frame.subspan(decoded.size));
}

void Receiver::add(ByteView base_key, std::uint64_t key_id) {
  if (keys_.contains(key_id)) return;
  if (keys_.size() >= keys_max_ && !keys_.empty()) {
    auto oldest = keys_.begin();
    for (auto it = keys_.begin(); it != keys_.end(); ++it)
      if (it->second.added < oldest->second.added) oldest = it;
    keys_.erase(oldest);
  }
  keys_.emplace(key_id, Known{Key(base_key, key_id), added_++});
}

void Receiver::remove(std::uint64_t key_id) { keys_.erase(key_id); }

bool Receiver::fresh(const Known& known, std::uint64_t counter) {
  if (!known.any || counter > known.newest) return true;
  if (known.newest - counter >= window) return false;
  return (known.seen[counter % window / 64] >> (counter % 64) & 1) == 0;
}

void Receiver::note(Known& known, std::uint64_t counter) {
  if (!known.any || counter > known.newest) {
    // The places between the last newest and this one now stand for counters not seen yet.
    std::uint64_t ahead = known.any ? counter - known.newest : window;
    if (ahead >= window) {
      known.seen.fill(0);
    } else {
      for (std::uint64_t c = known.newest + 1; c != counter; ++c)
        known.seen[c % window / 64] &= ~(std::uint64_t{1} << (c % 64));
    }
    known.newest = counter;
    known.any = true;
  }
  known.seen[counter % window / 64] |= std::uint64_t{1} << (counter % 64);
}

Result<Receiver::Opened> Receiver::open(ByteView metadata, ByteView frame) {
  TRY(auto decoded, decode_header(frame));
  auto found = keys_.find(decoded.header.key_id);
  if (found == keys_.end()) return fail(Errc::not_found);
  if (!fresh(found->second, decoded.header.counter)) return fail(Errc::refused);
  TRY(auto plain, found->second.key.open(decoded, metadata, frame));
  note(found->second, decoded.header.counter);
  return Opened{decoded.header, std::move(plain)};
}

}  // namespace conclave::sframe
