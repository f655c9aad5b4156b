#include "crypto/codec/base58.hpp"

namespace conclave::codec {
namespace {

constexpr std::string_view base58_alphabet = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";

/// Digits of `from` in base `to_base`, most significant first; both without leading zeros.
Bytes rebase(ByteView from, unsigned from_base, unsigned to_base) {
  Bytes reversed;
  for (Byte digit : from) {
    unsigned carry = digit;
    for (Byte& place : reversed) {
      carry += place * from_base;
      place = static_cast<Byte>(carry % to_base);
      carry /= to_base;
    }
    for (; carry > 0; carry /= to_base) reversed.push_back(static_cast<Byte>(carry % to_base));
  }
  return {reversed.rbegin(), reversed.rend()};
}

std::size_t leading_zeros(ByteView digits) {
  std::size_t count = 0;
  while (count < digits.size() && digits[count] == 0) ++count;
  return count;
}

}  // namespace

std::string base58(ByteView bytes) {
  std::size_t zeros = leading_zeros(bytes);
  std::string out(zeros, base58_alphabet[0]);
  for (Byte digit : rebase(bytes.subspan(zeros), 256, 58)) out.push_back(base58_alphabet[digit]);
  return out;
}

Result<Bytes> from_base58(std::string_view digits) {
  if (digits.size() > base58_text_max) return fail(Errc::too_long);
  Bytes values;
  for (char digit : digits) {
    auto value = base58_alphabet.find(digit);
    if (value == base58_alphabet.npos) return fail(Errc::malformed);
    values.push_back(static_cast<Byte>(value));
  }
  std::size_t zeros = leading_zeros(values);
  Bytes out(zeros, 0);
  append(out, rebase(ByteView(values).subspan(zeros), 58, 256));
  return out;
}

}  // namespace conclave::codec
