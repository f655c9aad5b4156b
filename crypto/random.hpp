#pragma once
/// Randomness is handed in: the system's in a running node, a seed's in a simulation.
#include <array>
#include <memory>

#include "crypto/bytes.hpp"

namespace conclave {

class Random {
 public:
  virtual ~Random() = default;
  virtual void fill(MutableBytes out) = 0;

  std::uint64_t next();
  /// Uniform below `bound`, which is not zero.
  std::uint64_t below(std::uint64_t bound);
  /// Uniform in [0, 1).
  double unit();
  template <class F>
  F fixed() {
    F out;
    fill(out.bytes);
    return out;
  }
};

/// The kernel's generator (libsodium's randombytes).
class SystemRandom final : public Random {
 public:
  void fill(MutableBytes out) override;
};

/// Reproducible: ChaCha20 keyed by the seed. For simulations, tests and fuzzers only.
class SeededRandom final : public Random {
 public:
  explicit SeededRandom(std::uint64_t seed, std::uint64_t stream = 0);
  void fill(MutableBytes out) override;

 private:
  void refill();
  std::array<Byte, 32> key_{};
  std::uint64_t block_ = 0;
  std::array<Byte, 512> pool_{};
  std::size_t used_ = pool_.size();
};

}  // namespace conclave
