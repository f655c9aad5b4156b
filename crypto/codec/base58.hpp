#pragma once
/// base58btc: Bitcoin's alphabet, leading zero bytes as leading '1's. The bare digits, without multibase's 'z'.
#include "crypto/bytes.hpp"

namespace conclave::codec {

/// Conversion takes time quadratic in the length: longer texts are refused. A key has 48 characters.
inline constexpr std::size_t base58_text_max = 256;

std::string base58(ByteView bytes);
/// Fails with Errc::malformed or Errc::too_long.
Result<Bytes> from_base58(std::string_view digits);

}  // namespace conclave::codec
