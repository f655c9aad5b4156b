#include "crypto/hkdf.hpp"

#include <type_traits>

#include "crypto/ensure.hpp"

namespace conclave::crypto {
namespace {

constexpr std::size_t block_size = 64;

}  // namespace

HmacKey::HmacKey(ByteView key) {
  Digest short_key;
  if (key.size() > block_size) {
    short_key = sha256(key);
    key = short_key;
  }
  Secret<block_size> inner, outer;
  std::copy(key.begin(), key.end(), inner.data());
  for (std::size_t i = 0; i < block_size; ++i) {
    outer.data()[i] = inner.data()[i] ^ 0x5c;
    inner.data()[i] ^= 0x36;
  }
  inner_.update(inner.view());
  outer_.update(outer.view());
  wipe(short_key.bytes);
}

HmacKey::~HmacKey() {
  static_assert(std::is_trivially_copyable_v<Sha256>);
  wipe({reinterpret_cast<Byte*>(&inner_), sizeof inner_});
  wipe({reinterpret_cast<Byte*>(&outer_), sizeof outer_});
}

Secret<32> HmacKey::of(std::initializer_list<ByteView> parts) const {
  auto inner = inner_;
  for (ByteView part : parts) inner.update(part);
  Digest inner_digest = inner.finish();
  auto outer = outer_;
  Digest digest = outer.update(inner_digest).finish();
  Secret<32> out = *Secret<32>::from(digest);
  wipe(inner_digest.bytes);
  wipe(digest.bytes);
  return out;
}

Secret<32> hmac_sha256(ByteView key, ByteView message) { return HmacKey(key).of({message}); }

Secret<32> hmac_sha256(ByteView key, std::initializer_list<ByteView> parts) { return HmacKey(key).of(parts); }

Secret<32> hkdf_extract(ByteView salt, ByteView input) { return hmac_sha256(salt, input); }

void hkdf_expand(const HmacKey& key, ByteView info, MutableBytes out) {
  ensure(out.size() <= 255 * 32, "HKDF gives at most 255 blocks");
  Secret<32> block;
  ByteView previous;
  for (Byte counter = 1; !out.empty(); ++counter) {
    block = key.of({previous, info, ByteView(&counter, 1)});
    previous = block.view();
    std::size_t size = std::min(out.size(), previous.size());
    std::copy_n(previous.begin(), size, out.begin());
    out = out.subspan(size);
  }
}

void hkdf_expand_label(const HmacKey& secret, std::string_view label, ByteView context, MutableBytes out) {
  constexpr std::string_view prefix = "tls13 ";
  ensure(label.size() + prefix.size() <= 255 && context.size() <= 255, "HkdfLabel has byte-long lengths");
  // struct { uint16 length; opaque label<7..255>; opaque context<0..255>; } HkdfLabel
  std::array<Byte, 2 + 1 + 255 + 1 + 255> info;
  std::size_t size = 0;
  auto put = [&](ByteView bytes) {
    std::copy(bytes.begin(), bytes.end(), info.begin() + size);
    size += bytes.size();
  };
  info[size++] = static_cast<Byte>(out.size() >> 8);
  info[size++] = static_cast<Byte>(out.size());
  info[size++] = static_cast<Byte>(prefix.size() + label.size());
  put(view(prefix));
  put(view(label));
  info[size++] = static_cast<Byte>(context.size());
  put(context);
  hkdf_expand(secret, ByteView(info).first(size), out);
}

}  // namespace conclave::crypto
