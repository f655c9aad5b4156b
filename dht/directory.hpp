#pragma once
/// Who is behind a handle. A contact is kept once and named by four bytes everywhere else, so that a routing
/// table of 300 entries is 5 KB. Two implementations: `Contacts` of a real node, and the population of a
/// simulation.
#include "crypto/strong.hpp"
#include "dht/key.hpp"

namespace conclave::dht {

/// An interned contact. Which number a contact has means nothing, and no decision depends on it.
using Handle = Strong<struct DhtHandleTag, std::uint32_t>;
inline constexpr Handle no_handle{0xffffffff};

/// Who pays for an address: limits count these, since addresses within one network cost nothing extra. Zero
/// is exempt: loopback and private ranges.
struct Networks {
  std::uint32_t near = 0;  ///< the /24 of a v4 address, the /48 of a v6 one
  std::uint32_t wide = 0;  ///< its /16, or /32
  friend bool operator==(const Networks&, const Networks&) = default;
};

class Directory {
 public:
  virtual ~Directory() = default;
  virtual const Key& position(Handle handle) const = 0;
  virtual Networks networks(Handle handle) const = 0;
};

}  // namespace conclave::dht
