#include "crypto/hkdf.hpp"

#include "crypto/ensure.hpp"
#include "crypto/hash.hpp"

namespace conclave::crypto {
namespace {

constexpr std::size_t block_size = 64;

}  // namespace

Secret<32> hmac_sha256(ByteView key, ByteView message) { return hmac_sha256(key, {message}); }

Secret<32> hmac_sha256(ByteView key, std::initializer_list<ByteView> parts) {
  Digest short_key;
  if (key.size() > block_size) {
    short_key = sha256(key);
    key = short_key;
  }
  Secret<block_size> inner, outer;
  for (std::size_t i = 0; i < block_size; ++i) {
    Byte byte = i < key.size() ? key[i] : Byte{0};
    inner.data()[i] = byte ^ 0x36;
    outer.data()[i] = byte ^ 0x5c;
  }
  Sha256 hash;
  hash.update(inner.view());
  for (ByteView part : parts) hash.update(part);
  Digest inner_digest = hash.finish();
  Digest digest = sha256({outer.view(), inner_digest});
  Secret<32> out = *Secret<32>::from(digest);
  wipe(inner_digest.bytes);
  wipe(digest.bytes);
  wipe(short_key.bytes);
  return out;
}

Secret<32> hkdf_extract(ByteView salt, ByteView input) { return hmac_sha256(salt, input); }

void hkdf_expand(ByteView key, ByteView info, MutableBytes out) {
  ensure(out.size() <= 255 * 32, "HKDF gives at most 255 blocks");
  Secret<32> block;
  ByteView previous;
  for (Byte counter = 1; !out.empty(); ++counter) {
    block = hmac_sha256(key, {previous, info, ByteView(&counter, 1)});
    previous = block.view();
    std::size_t size = std::min(out.size(), previous.size());
    std::copy_n(previous.begin(), size, out.begin());
    out = out.subspan(size);
  }
}

void hkdf_expand_label(ByteView secret, std::string_view label, ByteView context, MutableBytes out) {
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
