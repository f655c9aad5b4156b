// Sealed entries, from both sides: bytes that a stranger puts into a holder's store, and a body that somebody
// who knows the public key has sealed with anything inside.
#include "crypto/aead.hpp"
#include "crypto/codec/msgpack.hpp"
#include "crypto/sealed_entry.hpp"
#include "tests/fuzz/fuzz.hpp"

using namespace conclave;

namespace {

constexpr UnixTime now{1'800'000'000'000};

void as_holder(ByteView input) {
  auto entry = decode_entry(input);
  if (!entry) return;
  ensure(decode_entry(encode(*entry)) == *entry, "an entry reads back");
  (void)verify_entry(*entry, now);
}

/// Seals `input` as the plain text of a body, with a good publisher's signature.
void as_reader(ByteView input) {
  static const AccountKey account = AccountKeys::from_seed(Secret<32>()).public_key();
  static const SigningKeys publisher = SigningKeys::from_seed(Secret<32>());
  const Day day = day_of(now);
  SealedEntry entry;
  entry.at = meeting_point(account, day);
  entry.publisher = publisher.public_key();
  entry.expires = now + std::chrono::hours(1);
  entry.sealed.resize(24);
  Bytes associated = copy(entry.at);
  append(associated, entry.publisher);
  crypto::Aead cipher(crypto::AeadAlgorithm::xchacha20_poly1305,
                      body_key(MeetingKind::account, account, day).view());
  append(entry.sealed,
         cipher.seal(Bytes(24), associated, input.first(std::min<std::size_t>(input.size(), 960))));
  entry.signature = publisher.sign(
      {"conclave/entry/1"}, codec::pack(std::tuple(std::uint8_t{1}, entry.at, entry.publisher, entry.sequence,
                                                   entry.expires, entry.sealed)));
  ensure(verify_entry(entry, now).has_value(), "a holder would keep it");
  ensure(!open_account_entry(account, day, entry, now), "nobody certified this node");
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const bool started = (crypto::init(), true);
  (void)started;
  ByteView input(data, size);
  if (fuzz::take_choice(input) % 2 == 0) as_holder(input);
  else as_reader(input);
  return 0;
}
