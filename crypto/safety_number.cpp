#include "crypto/safety_number.hpp"

#include <openssl/evp.h>

#include "crypto/ensure.hpp"
#include "crypto/hkdf.hpp"

namespace conclave {
namespace {

constexpr std::string_view number_domain = "conclave/safety-number/1";
constexpr std::string_view code_domain = "conclave/comparison/1";
constexpr int code_rounds = 100'000;
constexpr std::size_t group_size = 5;  // bytes of a group, as well as its digits

/// Each five bytes, big endian, modulo 100 000. The modulo favours some groups by one part in ten million.
std::string groups(ByteView bytes) {
  std::string out;
  for (; bytes.size() >= group_size; bytes = bytes.subspan(group_size)) {
    std::uint64_t value = 0;
    for (Byte byte : bytes.first(group_size)) value = value << 8 | byte;
    auto digits = std::to_string(value % 100'000);
    if (!out.empty()) out += ' ';
    out += std::string(group_size - digits.size(), '0') + digits;
  }
  return out;
}

}  // namespace

std::string safety_number(const AccountKey& a, const AccountKey& b) {
  const auto& first = std::min(a, b);
  const auto& second = std::max(a, b);
  Bytes both = copy(first);
  append(both, second);
  auto bytes = crypto::hkdf_expand<60>(crypto::hkdf_extract(view(number_domain), both).view(), {});
  return groups(bytes.view());
}

std::string comparison_code(const crypto::Digest& roster) {
  std::array<Byte, 6 * group_size> bytes;
  bool good =
      PKCS5_PBKDF2_HMAC(reinterpret_cast<const char*>(roster.bytes.data()), static_cast<int>(roster.size),
                        reinterpret_cast<const unsigned char*>(code_domain.data()),
                        static_cast<int>(code_domain.size()), code_rounds, EVP_sha256(),
                        static_cast<int>(bytes.size()), bytes.data()) == 1;
  ensure(good, "PBKDF2 runs");
  return groups(bytes);
}

}  // namespace conclave
