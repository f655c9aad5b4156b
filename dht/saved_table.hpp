#pragma once
/// A routing table as bytes, for the file that survives a restart.
///
/// msgpack: [version 1, nonce, anchors, [[contact, smoothed RTT, deviation], …]], contacts as in
/// dht/wire.hpp, times in quarters of a millisecond; the first `anchors` entries are those that have been
/// here longest.
#include "dht/contacts.hpp"
#include "dht/core.hpp"

namespace conclave::dht {

struct SavedTable {
  static constexpr std::size_t entries_max = 512;
  static constexpr std::size_t anchors_max = 8;
  struct Entry {
    Contact contact;
    Rtt rtt;
  };
  std::uint64_t nonce = 0;
  std::size_t anchors = 0;
  std::vector<Entry> entries;
};

SavedTable saved_table(const Core& core, const Contacts& contacts);
Bytes encode(const SavedTable& table);
/// Fails as codec::unpack does, or with Errc::unsupported or too_long. Contacts that cannot be are left out.
Result<SavedTable> decode_saved_table(ByteView in);

}  // namespace conclave::dht
