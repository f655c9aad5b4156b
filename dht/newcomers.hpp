#pragma once
/// Contacts that we heard of and have not yet spoken to: the "new" half of Bitcoin's addrman (the routing
/// table is the "tried" half). Each source network may fill only an eighth of it, in places that a secret
/// chooses, so that one liar cannot push out what the others told.
#include "dht/surroundings.hpp"

#include <algorithm>

namespace conclave::dht {

class Newcomers {
 public:
  /// `source` told us of `peer`; both by network.
  void hear(const Surroundings& around, Handle peer, Networks source, std::uint64_t secret);
  /// A contact for which `wanted(handle)` holds, and forgets it; `no_handle` if there is none.
  template <class Wanted>
  Handle take(Wanted&& wanted) {
    for (std::size_t i = 0; i < places_.size(); ++i) {
      cursor_ = static_cast<std::uint16_t>((cursor_ + 1) % places_.size());
      Handle peer = places_[cursor_];
      if (peer == no_handle) continue;
      places_[cursor_] = no_handle;  // in vain or not: it is spoken to, or not wanted any more
      if (wanted(peer)) return peer;
    }
    return no_handle;
  }
  /// Did not answer when met. Others will tell of it for a while; it is not heard of again before it has
  /// asked us something itself, or many others have disappointed.
  void disappointed(Handle peer);
  void forgive(Handle peer) { std::replace(silent_.begin(), silent_.end(), peer, no_handle); }
  std::span<const Handle> silent() const { return silent_; }
  std::span<const Handle> places() const { return places_; }
  std::size_t memory() const { return (places_.capacity() + silent_.capacity()) * sizeof(Handle); }

 private:
  std::vector<Handle> places_;  ///< empty until first used
  std::uint16_t cursor_ = 0;
  static constexpr std::size_t silent_max = 64;
  std::vector<Handle> silent_;  ///< who disappointed last, a ring
  std::uint16_t silent_next_ = 0;
};

}  // namespace conclave::dht
