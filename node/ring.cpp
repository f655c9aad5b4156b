#include "node/ring.hpp"

#include "crypto/codec/msgpack.hpp"

namespace conclave::node {
namespace {

// [version, conference, kind, invite seed or nil].
using RingWire = std::tuple<std::uint8_t, ConferenceKey, std::uint8_t, std::optional<Bytes>>;
constexpr std::uint8_t ring_version = 2;

}  // namespace

Bytes encode(const Ring& ring) {
  RingWire wire{ring_version, ring.conference, static_cast<std::uint8_t>(ring.kind), std::nullopt};
  if (ring.invite) std::get<3>(wire) = copy(ring.invite->view());
  return codec::pack(wire);
}

Result<Ring> decode_ring(ByteView in) {
  TRY(auto wire, codec::unpack<RingWire>(in));
  auto& [its_version, conference, kind, invite] = wire;
  if (its_version != ring_version) return fail(conclave::Errc::unsupported);
  if (kind < static_cast<std::uint8_t>(RingKind::ring) || kind > static_cast<std::uint8_t>(RingKind::decline))
    return fail(conclave::Errc::malformed);
  Ring out{conference, RingKind{kind}, std::nullopt};
  if (invite) {
    TRY(out.invite, Secret<32>::from(*invite));
  }
  return out;
}

}  // namespace conclave::node
