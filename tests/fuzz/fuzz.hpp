#pragma once
/// What fuzz targets share: libFuzzer's entry, and how a property that does not hold is told to it.
#include <cstddef>

#include "crypto/ensure.hpp"
#include "crypto/keys.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace conclave::fuzz {

/// Splits input: a byte that chooses, then the rest.
inline Byte take_choice(ByteView& input) {
  if (input.empty()) return 0;
  Byte choice = input[0];
  input = input.subspan(1);
  return choice;
}

}  // namespace conclave::fuzz
