#include "dht/newcomers.hpp"

namespace conclave::dht {

namespace {

std::uint64_t mix(std::uint64_t x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

}  // namespace

void Newcomers::hear(const Surroundings& around, Handle peer, Networks source, std::uint64_t secret) {
  if (std::find(silent_.begin(), silent_.end(), peer) != silent_.end()) return;
  const std::size_t count = around.parameters.newcomers_max;
  if (places_.empty()) places_.assign(count, no_handle);
  std::uint64_t contact = big_endian(around.directory.position(peer).bytes.data());
  if (!around.parameters.tried_new) {
    places_[mix(contact + secret) % count] = peer;
    return;
  }
  const std::size_t share = std::max<std::size_t>(1, count / 8);
  std::uint64_t place = mix(secret ^ (source.wide * 0x9e3779b97f4a7c15ull)) + mix(contact ^ secret) % share;
  // First come, first kept: a contact leaves when it is spoken to, which happens within minutes.
  if (places_[place % count] == no_handle) places_[place % count] = peer;
}

void Newcomers::disappointed(Handle peer) {
  if (std::find(silent_.begin(), silent_.end(), peer) != silent_.end()) return;
  if (silent_.empty()) silent_.assign(silent_max, no_handle);
  silent_[silent_next_++ % silent_max] = peer;
}

}  // namespace conclave::dht
