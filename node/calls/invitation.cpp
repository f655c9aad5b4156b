#include "node/calls/invitation.hpp"

#include "crypto/codec/base_n.hpp"
#include "crypto/codec/msgpack.hpp"

namespace conclave::calls {
namespace {

constexpr std::uint8_t link_version = 1;
constexpr std::size_t checksum_size = 4;
constexpr std::size_t ice_pwd_min = 22;  // RFC 8839, 5.4
constexpr std::size_t ice_pwd_max = 64;

// [ip, port, ice_pwd, fingerprint, node key]; [version, conference, invite seed or nil, entries].
using EntryWire = std::tuple<Bytes, std::uint16_t, std::string, crypto::Digest, NodeKey>;
using LinkWire = std::tuple<std::uint8_t, ConferenceKey, std::optional<Bytes>, std::vector<EntryWire>>;

bool ice_chars(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '+' || c == '/';
  });
}

Result<EntryNode> read_entry(EntryWire&& wire) {
  auto& [ip, port, ice_pwd, fingerprint, node] = wire;
  EntryNode out;
  if (ip.size() != 4 && ip.size() != 16) return fail(Errc::malformed);
  out.at.ip.family = ip.size() == 4 ? io::IpAddress::Family::v4 : io::IpAddress::Family::v6;
  std::copy(ip.begin(), ip.end(), out.at.ip.bytes.begin());
  if (port == 0 || ice_pwd.size() < ice_pwd_min || ice_pwd.size() > ice_pwd_max || !ice_chars(ice_pwd))
    return fail(Errc::malformed);
  out.at.port = port;
  out.ice_pwd = std::move(ice_pwd);
  out.fingerprint = fingerprint;
  out.node = node;
  return out;
}

}  // namespace

std::vector<EntryNode> entries_for_link(const Doors& own, const std::vector<Doors>& others) {
  std::vector<EntryNode> out;
  auto add = [&](const Doors& doors, std::size_t from, std::size_t to) {
    for (auto i = from; i < std::min(to, doors.entries.size()); ++i)
      if (out.size() < ConferenceLink::entries_max) out.push_back(doors.entries[i]);
  };
  add(own, 0, own.proven);
  for (const auto& doors : others) add(doors, 0, std::min<std::size_t>(doors.proven, 1));
  if (out.size() >= ConferenceLink::entries_wanted) return out;
  add(own, own.proven, own.entries.size());
  for (const auto& doors : others)
    if (doors.proven == 0) add(doors, 0, 1);
  return out;
}

std::string to_text(const ConferenceLink& link) {
  LinkWire wire{link_version, link.conference, std::nullopt, {}};
  if (link.invite) std::get<2>(wire) = copy(link.invite->view());
  for (const auto& entry : link.entries)
    std::get<3>(wire).emplace_back(copy(entry.at.ip.view()), entry.at.port, entry.ice_pwd, entry.fingerprint, entry.node);
  auto packed = codec::pack(wire);
  auto digest = crypto::sha256(packed);
  append(packed, digest.view().first(checksum_size));
  return codec::base64url(packed);
}

Result<ConferenceLink> conference_link_from_text(std::string_view text) {
  if (auto mark = text.find("#c="); mark != std::string_view::npos) text = text.substr(mark + 3);
  if (text.size() > ConferenceLink::size_max * 2) return fail(Errc::too_long);
  TRY(auto bytes, codec::from_base64url(text));
  if (bytes.size() <= checksum_size) return fail(Errc::malformed);
  auto packed = ByteView(bytes).first(bytes.size() - checksum_size);
  auto checksum = ByteView(bytes).last(checksum_size);
  auto digest = crypto::sha256(packed);
  if (!std::equal(checksum.begin(), checksum.end(), digest.bytes.begin())) return fail(Errc::bad_checksum);
  TRY(auto wire, codec::unpack<LinkWire>(packed));
  auto& [its_version, conference, invite, entries] = wire;
  if (its_version != link_version) return fail(Errc::unsupported);
  ConferenceLink out{conference, std::nullopt, {}};
  if (invite) {
    TRY(out.invite, Secret<32>::from(*invite));
  }
  if (entries.empty() || entries.size() > ConferenceLink::entries_max) return fail(Errc::malformed);
  for (auto& entry : entries) {
    TRY(auto read, read_entry(std::move(entry)));
    out.entries.push_back(std::move(read));
  }
  return out;
}

Bytes ufrag_statement(ByteView page_fingerprint, ByteView node_fingerprint, const ConferenceKey& conference,
                      std::int64_t minute) {
  Bytes out = copy(page_fingerprint);
  append(out, node_fingerprint);
  append(out, conference);
  for (int shift = 56; shift >= 0; shift -= 8) out.push_back(static_cast<Byte>(minute >> shift));
  return out;
}

Result<Shown> open_proof(ByteView proof, ByteView page_fingerprint, ByteView node_fingerprint,
                         std::span<const ConferenceKey> conferences, UnixTime now) {
  if (proof.size() != InviteKey::size + Signature::size) return fail(Errc::wrong_length);
  TRY(auto invite, InviteKey::from(proof.first(InviteKey::size)));
  TRY(auto signature, Signature::from(proof.subspan(InviteKey::size)));
  const auto minute = now.ms / 60'000;
  // The page's clock is nearly always within a minute: those are tried first.
  for (std::int64_t off = 0; off <= ufrag_minutes_max; ++off) {
    for (std::int64_t at : {minute - off, minute + off}) {
      for (const auto& conference : conferences) {
        auto said = ufrag_statement(page_fingerprint, node_fingerprint, conference, at);
        if (crypto::verify(invite, ufrag_domain, said, signature)) return Shown{conference, invite};
      }
      if (off == 0) break;
    }
  }
  return fail(Errc::bad_signature);
}

Bytes ufrag_info(const NodeKey& node) {
  Bytes out = copy(view("conclave/ufrag/1"));
  append(out, node);
  return out;
}

}  // namespace conclave::calls
