#include "crypto/bytes.hpp"

namespace conclave {
namespace {

constexpr std::string_view digits_of_hex = "0123456789abcdef";

int value_of(char digit) {
  if (digit >= '0' && digit <= '9') return digit - '0';
  if (digit >= 'a' && digit <= 'f') return digit - 'a' + 10;
  if (digit >= 'A' && digit <= 'F') return digit - 'A' + 10;
  return -1;
}

}  // namespace

std::string hex(ByteView bytes) {
  std::string out;
  out.reserve(bytes.size() * 2);
  for (Byte byte : bytes) {
    out.push_back(digits_of_hex[byte >> 4]);
    out.push_back(digits_of_hex[byte & 15]);
  }
  return out;
}

Result<Bytes> from_hex(std::string_view digits) {
  if (digits.size() % 2 != 0) return fail(Errc::malformed);
  Bytes out(digits.size() / 2);
  for (std::size_t i = 0; i < out.size(); ++i) {
    int high = value_of(digits[2 * i]);
    int low = value_of(digits[2 * i + 1]);
    if (high < 0 || low < 0) return fail(Errc::malformed);
    out[i] = static_cast<Byte>(high << 4 | low);
  }
  return out;
}

}  // namespace conclave
