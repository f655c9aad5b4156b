#pragma once
/// Gives out the bytes that a vector names: an ephemeral key, mostly.
#include "crypto/ensure.hpp"
#include "crypto/random.hpp"

namespace conclave {

class ScriptedRandom final : public Random {
 public:
  explicit ScriptedRandom(Bytes script) : script_(std::move(script)) {}
  void fill(MutableBytes out) override {
    ensure(out.size() == script_.size(), "as many bytes as the script has");
    std::copy(script_.begin(), script_.end(), out.begin());
  }

 private:
  Bytes script_;
};

}  // namespace conclave
