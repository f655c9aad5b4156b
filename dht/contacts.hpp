#pragma once
/// The contacts of a real node, each kept once. A contact is a key *at an address*: the same key said to be
/// elsewhere is another contact, so that nobody can make an honest node unreachable by telling a wrong
/// address first.
#include "dht/position.hpp"
#include "dht/wire.hpp"

#include <map>
#include <optional>

namespace conclave::dht {

Networks networks_of(const io::IpAddress& ip);

class Contacts final : public Directory {
 public:
  /// About 150 bytes each. When so many are known, those that nobody uses go.
  static constexpr std::size_t contacts_max = 4096;

  /// `self` gets the first handle.
  Contacts(const Contact& self, int work_bits);

  /// Nothing when the work for the position was not done, or when everything is in use.
  std::optional<Handle> intern(const Contact& contact);
  const Contact& contact(Handle handle) const { return slots_[handle.raw()].contact; }
  const Key& position(Handle handle) const override { return slots_[handle.raw()].position; }
  Networks networks(Handle handle) const override { return slots_[handle.raw()].networks; }
  std::size_t size() const { return index_.size(); }

  /// Forgets all that `each_used(mark)` does not mark. Called when `full()`.
  template <class EachUsed>
  void sweep(EachUsed&& each_used) {
    for (auto& slot : slots_) slot.used = false;
    slots_[0].used = true;
    each_used([this](Handle handle) { slots_[handle.raw()].used = true; });
    for (std::uint32_t i = 0; i < slots_.size(); ++i) {
      auto known = index_.find(slots_[i].contact);
      if (slots_[i].used || known == index_.end() || known->second != i) continue;
      index_.erase(known);
      free_.push_back(i);
    }
  }
  bool full() const { return index_.size() >= contacts_max; }

 private:
  struct Slot {
    Contact contact;
    Key position;
    Networks networks;
    bool used = false;
  };
  int work_bits_;
  std::vector<Slot> slots_;
  std::vector<std::uint32_t> free_;
  std::map<Contact, std::uint32_t> index_;
};

}  // namespace conclave::dht
