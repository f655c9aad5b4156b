#include "transport/address/protocol.hpp"

namespace conclave::address {
namespace {

constexpr std::array<ProtocolEntry, 22> table{{
    {Protocol::ip4, "ip4", ValueKind::ip4},
    {Protocol::tcp, "tcp", ValueKind::port},
    {Protocol::ip6, "ip6", ValueKind::ip6},
    {Protocol::dns, "dns", ValueKind::name},
    {Protocol::dns4, "dns4", ValueKind::name},
    {Protocol::dns6, "dns6", ValueKind::name},
    {Protocol::udp, "udp", ValueKind::port},
    {Protocol::webrtc_direct, "webrtc-direct", ValueKind::none},
    {Protocol::webrtc, "webrtc", ValueKind::none},
    {Protocol::p2p_circuit, "p2p-circuit", ValueKind::none},
    {Protocol::p2p, "p2p", ValueKind::peer},
    {Protocol::p2p, "ipfs", ValueKind::peer},  // the old name, read only
    {Protocol::tls, "tls", ValueKind::none},
    {Protocol::sni, "sni", ValueKind::name},
    {Protocol::noise, "noise", ValueKind::none},
    {Protocol::quic_v1, "quic-v1", ValueKind::none},
    {Protocol::webtransport, "webtransport", ValueKind::none},
    {Protocol::certhash, "certhash", ValueKind::certhash},
    {Protocol::ws, "ws", ValueKind::none},
    {Protocol::wss, "wss", ValueKind::none},
    {Protocol::http, "http", ValueKind::none},
    {Protocol::nquic, "nquic", ValueKind::none},
}};

}  // namespace

std::optional<ProtocolEntry> find(std::string_view name) {
  for (const auto& entry : table)
    if (entry.name == name) return entry;
  return std::nullopt;
}

std::optional<ProtocolEntry> find(std::uint64_t code) {
  for (const auto& entry : table)
    if (static_cast<std::uint32_t>(entry.protocol) == code) return entry;
  return std::nullopt;
}

}  // namespace conclave::address
