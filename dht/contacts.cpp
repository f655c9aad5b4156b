#include "dht/contacts.hpp"

namespace conclave::dht {

Networks networks_of(const io::IpAddress& ip) {
  if (ip.private_range() || ip.unspecified()) return {};
  auto& b = ip.bytes;
  if (ip.family == io::IpAddress::Family::v4)
    return {1u << 24 | static_cast<std::uint32_t>(b[0] << 16 | b[1] << 8 | b[2]),
            1u << 16 | static_cast<std::uint32_t>(b[0] << 8 | b[1])};
  // 48 bits into 31: who owns a /32 can find two of its own /48 that collide, which only costs it places.
  std::uint64_t prefix = big_endian(b.data()) >> 16;
  auto near = static_cast<std::uint32_t>((prefix * 0x9e3779b97f4a7c15) >> 33) | 1u << 31;
  auto wide = static_cast<std::uint32_t>(((prefix >> 16) * 0x9e3779b97f4a7c15) >> 33) | 1u << 31;
  return {near, wide};
}

Contacts::Contacts(const Contact& self, int work_bits) : work_bits_(work_bits) {
  slots_.push_back({self, position_of(self.node, self.nonce), networks_of(self.at.ip), true});
  index_.emplace(self, 0);
}

std::optional<Handle> Contacts::intern(const Contact& contact) {
  // The node itself, heard of from others, is nobody to talk to.
  if (contact.node == slots_[0].contact.node) return std::nullopt;
  if (auto known = index_.find(contact); known != index_.end()) return Handle(known->second);
  if (full()) return std::nullopt;
  if (!worked(contact.node, contact.nonce, work_bits_)) return std::nullopt;
  std::uint32_t place;
  if (free_.empty()) {
    place = static_cast<std::uint32_t>(slots_.size());
    slots_.emplace_back();
  } else {
    place = free_.back();
    free_.pop_back();
  }
  slots_[place] = {contact, position_of(contact.node, contact.nonce), networks_of(contact.at.ip), true};
  index_.emplace(contact, place);
  return Handle(place);
}

}  // namespace conclave::dht
