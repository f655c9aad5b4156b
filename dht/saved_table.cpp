#include "dht/saved_table.hpp"

#include "crypto/codec/msgpack.hpp"

#include <algorithm>

namespace conclave::dht {

namespace {
constexpr std::uint8_t format_version = 1;
using WireEntry = std::tuple<Bytes, std::uint16_t, std::uint16_t>;
using Wire = std::tuple<std::uint8_t, std::uint64_t, std::uint8_t, std::vector<WireEntry>>;
}  // namespace

SavedTable saved_table(const Core& core, const Contacts& contacts) {
  SavedTable out;
  out.nonce = contacts.contact(core.self()).nonce;
  auto anchors = core.anchors(SavedTable::anchors_max);
  out.anchors = anchors.size();
  auto add = [&](const Table::Entry& entry) {
    if (out.entries.size() < SavedTable::entries_max)
      out.entries.push_back({contacts.contact(entry.peer), entry.rtt});
  };
  for (Handle anchor : anchors)
    if (auto* entry = core.table().find(anchor)) add(*entry);
  for (auto& entry : core.table().entries())
    if (std::find(anchors.begin(), anchors.end(), entry.peer) == anchors.end()) add(entry);
  return out;
}

Bytes encode(const SavedTable& table) {
  std::vector<WireEntry> entries;
  for (auto& entry : table.entries)
    entries.emplace_back(encode(entry.contact), entry.rtt.smoothed, entry.rtt.deviation);
  return codec::pack(
      Wire{format_version, table.nonce, static_cast<std::uint8_t>(table.anchors), std::move(entries)});
}

Result<SavedTable> decode_saved_table(ByteView in) {
  TRY(auto wire, codec::unpack<Wire>(in));
  auto& [its_version, nonce, anchors, entries] = wire;
  if (its_version != format_version) return fail(Errc::unsupported);
  if (entries.size() > SavedTable::entries_max) return fail(Errc::too_long);
  SavedTable out;
  out.nonce = nonce;
  for (auto& [bytes, smoothed, deviation] : entries) {
    auto contact = decode_contact(bytes);
    if (!contact) continue;
    out.entries.push_back({*contact, Rtt{smoothed, deviation}});
  }
  out.anchors = std::min<std::size_t>(anchors, out.entries.size());
  return out;
}

}  // namespace conclave::dht
