#include "crypto/random.hpp"

#include <sodium.h>

#include "crypto/ensure.hpp"

namespace conclave {

std::uint64_t Random::next() {
  std::array<Byte, 8> raw;
  fill(raw);
  std::uint64_t out;
  std::memcpy(&out, raw.data(), sizeof out);
  return out;
}

std::uint64_t Random::below(std::uint64_t bound) {
  ensure(bound > 0, "bound > 0");
  // Values under `skew` would make small results likelier: draw again.
  const std::uint64_t skew = (0 - bound) % bound;
  for (;;) {
    std::uint64_t drawn = next();
    if (drawn >= skew) return drawn % bound;
  }
}

double Random::unit() { return static_cast<double>(next() >> 11) * 0x1p-53; }

void SystemRandom::fill(MutableBytes out) { randombytes_buf(out.data(), out.size()); }

SeededRandom::SeededRandom(std::uint64_t seed, std::uint64_t stream) {
  std::memcpy(key_.data(), &seed, sizeof seed);
  std::memcpy(key_.data() + sizeof seed, &stream, sizeof stream);
}

void SeededRandom::refill() {
  std::array<Byte, crypto_stream_chacha20_NONCEBYTES> nonce{};
  std::memcpy(nonce.data(), &block_, sizeof block_);
  ++block_;
  crypto_stream_chacha20(pool_.data(), pool_.size(), nonce.data(), key_.data());
  used_ = 0;
}

void SeededRandom::fill(MutableBytes out) {
  for (Byte& byte : out) {
    if (used_ == pool_.size()) refill();
    byte = pool_[used_++];
  }
}

}  // namespace conclave
