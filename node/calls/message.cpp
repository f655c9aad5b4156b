#include "node/calls/message.hpp"

#include "crypto/codec/msgpack.hpp"
#include "crypto/ensure.hpp"

namespace conclave::calls {
namespace {

constexpr std::uint8_t message_version = 1;

// The tuples' orders are the protocol; each message is [kind, fields…].
using PublishedWire = std::tuple<MemberId, Byte, Byte, std::uint32_t, std::uint16_t, std::uint16_t, std::uint32_t, Byte>;
using EntryWire = std::tuple<Bytes, std::uint16_t, std::string, crypto::Digest, NodeKey>;
using RttWire = std::tuple<NodeKey, std::uint32_t>;
using HopWire = std::tuple<NodeIndex, NodeIndex, NodeIndex>;
using TreeWire = std::tuple<std::uint32_t, Byte, Byte, NodeIndex, std::vector<HopWire>>;
using UnservedWire = std::tuple<std::uint32_t, NodeIndex>;

constexpr std::size_t streams_per_node_max = 64;
constexpr std::size_t why_max = 200;

/// What goes on the wire behind the kind, for each message.
struct Fields {
  auto operator()(const Hello& m) {
    std::vector<EntryWire> entries;
    for (const auto& e : m.entries)
      entries.emplace_back(copy(e.at.ip.view()), e.at.port, e.ice_pwd, e.fingerprint, e.node);
    return std::tuple(message_version, m.conference, m.link, std::move(entries), m.proven, m.statements);
  }
  auto operator()(const Statements& m) { return std::tuple(m.statements); }
  auto operator()(const To& m) { return std::tuple(m.from, m.to, m.parcel); }
  auto operator()(const All& m) { return std::tuple(m.from, m.number, m.parcel); }
  auto operator()(const Streams& m) {
    std::vector<PublishedWire> out;
    for (const auto& s : m.streams)
      out.emplace_back(s.member, static_cast<Byte>(s.kind), s.layer, s.stream, s.width, s.height, s.bps, s.level);
    return std::tuple(std::move(out));
  }
  auto operator()(const Subscribe& m) { return std::tuple(m.stream, m.part, m.parts, m.after); }
  auto operator()(const Answer& m) { return std::tuple(m.stream, m.part, m.accepted); }
  auto operator()(const Unsubscribe& m) { return std::tuple(m.stream, m.part); }
  auto operator()(const KeyFrame& m) { return std::tuple(m.stream); }
  auto operator()(const Announce& m) { return std::tuple(m.plan_version); }
  auto operator()(const Report& m) { return std::tuple(m.dead); }
  auto operator()(const Demand& m) {
    std::vector<RttWire> rtts;
    for (const auto& [node, rtt] : m.rtts_us) rtts.emplace_back(node, rtt);
    return std::tuple(m.wanted, m.uplink_bps, std::move(rtts));
  }
  auto operator()(const PlanMessage& m) {
    std::vector<TreeWire> trees;
    for (const auto& tree : m.plan.trees) {
      std::vector<HopWire> hops;
      for (const auto& hop : tree.hops) hops.emplace_back(hop.node, hop.parent, hop.second);
      trees.emplace_back(tree.stream, tree.part, tree.parts, tree.source, std::move(hops));
    }
    std::vector<UnservedWire> unserved;
    for (const auto& [stream, receiver] : m.plan.unserved) unserved.emplace_back(stream, receiver);
    return std::tuple(m.plan.version, m.nodes, std::move(trees), std::move(unserved));
  }
  auto operator()(const Refused& m) { return std::tuple(m.why); }
};

template <class T>
using WireOf = decltype(std::tuple_cat(std::tuple<std::uint8_t>(), Fields()(std::declval<const T&>())));

Result<> check_statements(const std::vector<Bytes>& statements) {
  if (statements.size() > statements_per_message_max) return fail(Errc::too_long);
  for (const auto& statement : statements)
    if (statement.size() > Statement::size_max) return fail(Errc::too_long);
  return {};
}

Result<Message> take(WireOf<Hello>&& wire, Hello*) {
  auto& [kind, its_version, conference, link, entries, proven, statements] = wire;
  if (its_version != message_version) return fail(Errc::unsupported);
  if (link >= 1u << 24 || entries.size() > ConferenceLink::entries_max || proven > entries.size())
    return fail(Errc::malformed);
  CHECK(check_statements(statements));
  Hello out{conference, link, {}, std::move(statements), proven};
  for (auto& [ip, port, ice_pwd, fingerprint, node] : entries) {
    EntryNode entry;
    if ((ip.size() != 4 && ip.size() != 16) || port == 0 || ice_pwd.size() > 64) return fail(Errc::malformed);
    entry.at.ip.family = ip.size() == 4 ? io::IpAddress::Family::v4 : io::IpAddress::Family::v6;
    std::copy(ip.begin(), ip.end(), entry.at.ip.bytes.begin());
    entry.at.port = port;
    entry.ice_pwd = std::move(ice_pwd);
    entry.fingerprint = fingerprint;
    entry.node = node;
    out.entries.push_back(std::move(entry));
  }
  return out;
}
Result<Message> take(WireOf<Statements>&& wire, Statements*) {
  CHECK(check_statements(std::get<1>(wire)));
  return Statements{std::move(std::get<1>(wire))};
}
Result<Message> take(WireOf<To>&& wire, To*) {
  auto& [kind, from, to, parcel] = wire;
  if (parcel.size() > parcel_max) return fail(Errc::too_long);
  return To{from, to, std::move(parcel)};
}
Result<Message> take(WireOf<All>&& wire, All*) {
  auto& [kind, from, number, parcel] = wire;
  if (parcel.size() > parcel_max) return fail(Errc::too_long);
  return All{from, number, std::move(parcel)};
}
Result<Message> take(WireOf<Streams>&& wire, Streams*) {
  Streams out;
  if (std::get<1>(wire).size() > streams_per_node_max) return fail(Errc::too_long);
  for (const auto& [member, kind, layer, stream, width, height, bps, level] : std::get<1>(wire)) {
    if (kind < 1 || kind > 3 || layer > 2 || level > 127) return fail(Errc::malformed);
    if (stream != stream_number(member, static_cast<MediaKind>(kind), layer)) return fail(Errc::malformed);
    out.streams.push_back({member, static_cast<MediaKind>(kind), layer, stream, width, height, bps, level});
  }
  return out;
}
Result<Message> take(WireOf<Subscribe>&& wire, Subscribe*) {
  auto& [kind, stream, part, parts, after] = wire;
  if (parts == 0 || parts > parts_max || part >= parts) return fail(Errc::malformed);
  return Subscribe{stream, part, parts, after};
}
Result<Message> take(WireOf<Answer>&& wire, Answer*) {
  return Answer{std::get<1>(wire), std::get<2>(wire), std::get<3>(wire)};
}
Result<Message> take(WireOf<Unsubscribe>&& wire, Unsubscribe*) {
  return Unsubscribe{std::get<1>(wire), std::get<2>(wire)};
}
Result<Message> take(WireOf<KeyFrame>&& wire, KeyFrame*) { return KeyFrame{std::get<1>(wire)}; }
Result<Message> take(WireOf<Announce>&& wire, Announce*) { return Announce{std::get<1>(wire)}; }
Result<Message> take(WireOf<Report>&& wire, Report*) {
  if (std::get<1>(wire).size() > nodes_max) return fail(Errc::too_long);
  return Report{std::move(std::get<1>(wire))};
}
Result<Message> take(WireOf<Demand>&& wire, Demand*) {
  auto& [kind, wanted, uplink, rtts] = wire;
  if (wanted.size() > streams_max || rtts.size() > nodes_max) return fail(Errc::too_long);
  Demand out{std::move(wanted), uplink, {}};
  for (const auto& [node, rtt] : rtts) out.rtts_us.emplace_back(node, rtt);
  return out;
}
Result<Message> take(WireOf<PlanMessage>&& wire, PlanMessage*) {
  auto& [kind, its_version, nodes, trees, unserved] = wire;
  if (nodes.size() > nodes_max || trees.size() > streams_max * parts_max) return fail(Errc::too_long);
  PlanMessage out{std::move(nodes), {its_version, {}, {}}};
  for (auto& [stream, part, parts, source, hops] : trees) {
    if (hops.size() > nodes_max) return fail(Errc::too_long);
    Tree tree{stream, part, parts, source, {}};
    for (const auto& [node, parent, second] : hops) tree.hops.push_back({node, parent, second});
    out.plan.trees.push_back(std::move(tree));
  }
  for (const auto& [stream, receiver] : unserved) out.plan.unserved.emplace_back(stream, receiver);
  return out;
}
Result<Message> take(WireOf<Refused>&& wire, Refused*) {
  if (std::get<1>(wire).size() > why_max) return fail(Errc::too_long);
  return Refused{std::move(std::get<1>(wire))};
}

/// Reads the message whose number is `kind`, trying the alternatives from `index` on.
template <std::size_t index = 0>
Result<Message> decode_kind(std::uint8_t kind, ByteView in) {
  if constexpr (index == std::variant_size_v<Message>) {
    return fail(Errc::unsupported);
  } else {
    if (kind != index + 1) return decode_kind<index + 1>(kind, in);
    using T = std::variant_alternative_t<index, Message>;
    TRY(auto wire, codec::unpack<WireOf<T>>(in));
    return take(std::move(wire), static_cast<T*>(nullptr));
  }
}

}  // namespace

std::uint32_t stream_number(const MemberId& member, MediaKind kind, Byte layer) {
  return static_cast<std::uint32_t>(member.bytes[0]) << 24 | static_cast<std::uint32_t>(member.bytes[1]) << 16 |
         static_cast<std::uint32_t>(member.bytes[2]) << 8 | static_cast<std::uint32_t>(kind) << 4 | layer;
}

Bytes encode(const Message& message) {
  auto kind = static_cast<std::uint8_t>(message.index() + 1);
  auto out = std::visit(
      [kind](const auto& m) { return codec::pack(std::tuple_cat(std::tuple(kind), Fields()(m))); }, message);
  ensure(out.size() <= message_max, "a message of ours is within its limit");
  return out;
}

Result<Message> decode_message(ByteView in) {
  if (in.size() > message_max) return fail(Errc::too_long);
  TRY(auto kind, codec::peek_kind(in));
  return decode_kind(kind, in);
}

}  // namespace conclave::calls
