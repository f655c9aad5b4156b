#include "crypto/result.hpp"

#include <cstdio>
#include <cstdlib>

#include "crypto/ensure.hpp"

namespace conclave {
namespace {

class Category final : public std::error_category {
 public:
  const char* name() const noexcept override { return "conclave"; }
  std::string message(int value) const override {
    switch (static_cast<Errc>(value)) {
      case Errc::malformed: return "malformed";
      case Errc::trailing_bytes: return "bytes left over";
      case Errc::unexpected_type: return "unexpected type";
      case Errc::too_long: return "too long";
      case Errc::wrong_length: return "wrong length";
      case Errc::unsupported: return "unsupported version or algorithm";
      case Errc::bad_signature: return "signature does not verify";
      case Errc::bad_key: return "not a usable public key";
      case Errc::undecryptable: return "cannot be decrypted with this key";
      case Errc::bad_checksum: return "checksum does not match";
      case Errc::expired: return "expired";
      case Errc::revoked: return "revoked";
      case Errc::refused: return "refused";
      case Errc::timed_out: return "timed out";
      case Errc::closed: return "closed";
      case Errc::end_of_stream: return "end of stream";
      case Errc::stream_reset: return "stream reset by the peer";
      case Errc::not_found: return "not found";
      case Errc::limit_reached: return "limit reached";
    }
    return "unknown error";
  }
};

}  // namespace

std::error_code make_error_code(Errc code) {
  static const Category category;
  return {static_cast<int>(code), category};
}

void ensure_failed(const char* what, std::source_location where) {
  std::fprintf(stderr, "%s:%u: %s: does not hold: %s\n", where.file_name(), where.line(),
               where.function_name(), what);
  std::abort();
}

}  // namespace conclave
