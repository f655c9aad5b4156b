#include "crypto/codec/base_n.hpp"

namespace conclave::codec {
namespace {

constexpr std::string_view base32_alphabet = "abcdefghijklmnopqrstuvwxyz234567";
constexpr std::string_view base64url_alphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

std::string encode(ByteView bytes, std::string_view alphabet, unsigned bits) {
  std::string out;
  out.reserve(bytes.size() * 8 / bits + 1);
  unsigned held = 0, held_bits = 0;
  for (Byte byte : bytes) {
    held = (held << 8 | byte) & 0xffff;
    for (held_bits += 8; held_bits >= bits; held_bits -= bits)
      out.push_back(alphabet[held >> (held_bits - bits) & (alphabet.size() - 1)]);
  }
  if (held_bits > 0) out.push_back(alphabet[held << (bits - held_bits) & (alphabet.size() - 1)]);
  return out;
}

Result<Bytes> decode(std::string_view digits, std::string_view alphabet, unsigned bits) {
  Bytes out;
  out.reserve(digits.size() * bits / 8);
  unsigned held = 0, held_bits = 0;
  for (char digit : digits) {
    auto value = alphabet.find(digit);
    if (value == alphabet.npos) return fail(Errc::malformed);
    held = (held << bits | static_cast<unsigned>(value)) & 0xffff;
    held_bits += bits;
    if (held_bits < 8) continue;
    held_bits -= 8;
    out.push_back(static_cast<Byte>(held >> held_bits));
  }
  // A whole digit left over, or bits that no byte holds: not what `encode` would have written.
  if (held_bits >= bits || (held & ((1U << held_bits) - 1)) != 0) return fail(Errc::malformed);
  return out;
}

}  // namespace

std::string base32(ByteView bytes) { return encode(bytes, base32_alphabet, 5); }
Result<Bytes> from_base32(std::string_view digits) { return decode(digits, base32_alphabet, 5); }
std::string base64url(ByteView bytes) { return encode(bytes, base64url_alphabet, 6); }
Result<Bytes> from_base64url(std::string_view digits) { return decode(digits, base64url_alphabet, 6); }

}  // namespace conclave::codec
