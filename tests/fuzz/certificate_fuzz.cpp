// Certificates and revocations: what decodes, encodes back; and what was not signed by us does not verify.
#include "crypto/certificate.hpp"
#include "tests/fuzz/fuzz.hpp"

using namespace conclave;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const bool started = (crypto::init(), true);
  (void)started;
  ByteView input(data, size);
  constexpr UnixTime now{1'800'000'000'000};
  if (auto certificate = decode_certificate(input)) {
    ensure(decode_certificate(encode(*certificate)) == *certificate, "a certificate reads back");
    (void)verify(*certificate, now);
    // With a good signature the times are judged as well: sign it ourselves.
    static const AccountKeys account = AccountKeys::from_seed(Secret<32>());
    auto ours = certify(account, certificate->node, certificate->sequence, certificate->created,
                        certificate->expires, certificate->name);
    (void)verify(ours, now);
  }
  if (auto revocation = decode_revocation(input)) {
    ensure(decode_revocation(encode(*revocation)) == *revocation, "a revocation reads back");
    (void)verify(*revocation);
  }
  return 0;
}
