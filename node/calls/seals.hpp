#pragma once
/// Whether what a member sends is sealed, as far as a node can see without a key: every frame has to carry a
/// key id of that member and kind (docs/calls.md, section 6), 48 bits that a clear frame would have to hit by
/// chance. Counted, so that a page that leaks is found out.
#include "crypto/keys.hpp"
#include "node/calls/message.hpp"

namespace conclave::calls {

class Seals {
 public:
  explicit Seals(const CallKey& call);

  /// The first packet of a frame, behind the payload descriptor of VP8.
  bool has(MediaKind kind, ByteView payload) const;

 private:
  std::array<std::uint64_t, 3> prefixes_;  ///< first 48 bits of the key ids, by kind from audio on
};

/// Frames of our own pages.
struct SealCount {
  std::uint64_t sealed = 0, clear = 0;
};

}  // namespace conclave::calls
