#include "node/calls/statement.hpp"

#include "crypto/codec/msgpack.hpp"
#include "crypto/ensure.hpp"
#include "crypto/hash.hpp"

namespace conclave::calls {
namespace {

constexpr Domain domain{"conclave/statement/1"};
constexpr std::uint8_t statement_version = 1;
constexpr auto skew_max = std::chrono::minutes(10);

using codec::Item;
using codec::Packer;
using codec::read;
using codec::write;

// [body, issuer, certificate, signature]
using Wire = std::tuple<Bytes, IssuerKey, std::optional<Bytes>, Signature>;

/// The body's fields behind [version, kind, conference, issued_ms].
template <class Fields>
Bytes pack_body(std::uint8_t kind, const ConferenceKey& conference, UnixTime issued, const Fields& fields) {
  return codec::pack(std::tuple_cat(std::tuple(statement_version, kind, conference, issued.ms), fields));
}

Bytes body_of(const ConferenceKey& c, UnixTime t, const Saying& saying) {
  auto kind = static_cast<std::uint8_t>(saying.index() + 1);
  struct Fields {
    const ConferenceKey& c;
    UnixTime t;
    std::uint8_t kind;
    Bytes operator()(const Admin& s) { return pack_body(kind, c, t, std::tuple(s.account)); }
    Bytes operator()(const Invite& s) {
      return pack_body(kind, c, t, std::tuple(s.key, s.expires.ms, s.members_max, s.rights));
    }
    Bytes operator()(const Member& s) {
      return pack_body(
          kind, c, t,
          std::tuple(s.call, s.call_x25519, s.account, s.name, s.expires.ms, s.invite, s.consent));
    }
    Bytes operator()(const Remove& s) { return pack_body(kind, c, t, std::tuple(s.call, s.invite)); }
    Bytes operator()(const Revoke& s) { return pack_body(kind, c, t, std::tuple(s.key)); }
    Bytes operator()(const Leave&) { return pack_body(kind, c, t, std::tuple()); }
    Bytes operator()(const State& s) {
      return pack_body(kind, c, t, std::tuple(s.sequence, s.entry, s.flags));
    }
    Bytes operator()(const Mute& s) { return pack_body(kind, c, t, std::tuple(s.call, s.kinds)); }
    Bytes operator()(const Serve& s) { return pack_body(kind, c, t, std::tuple(s.uplink_bps)); }
  };
  return std::visit(Fields{c, t, kind}, saying);
}

/// Reads the fields of one kind of saying from the body's array.
template <class... Field>
Result<> read_fields(Item body, std::size_t count, Field&... fields) {
  if (count != 4 + sizeof...(fields)) return fail(Errc::wrong_length);
  Result<> result;
  [[maybe_unused]] std::size_t at = 4;
  auto one = [&](auto& field) {
    if (result) result = read(body.at(at++), field);
  };
  (one(fields), ...);
  return result;
}

Result<Saying> read_saying(Item body, std::size_t count, std::uint8_t kind) {
  switch (kind) {
    case 1: {
      Admin s;
      CHECK(read_fields(body, count, s.account));
      return s;
    }
    case 2: {
      Invite s;
      CHECK(read_fields(body, count, s.key, s.expires.ms, s.members_max, s.rights));
      return s;
    }
    case 3: {
      Member s;
      CHECK(read_fields(body, count, s.call, s.call_x25519, s.account, s.name, s.expires.ms, s.invite,
                        s.consent));
      if (s.name.size() > Member::name_max) return fail(Errc::too_long);
      return s;
    }
    case 4: {
      Remove s;
      CHECK(read_fields(body, count, s.call, s.invite));
      return s;
    }
    case 5: {
      Revoke s;
      CHECK(read_fields(body, count, s.key));
      return s;
    }
    case 6: {
      CHECK(read_fields(body, count));
      return Leave{};
    }
    case 7: {
      State s;
      CHECK(read_fields(body, count, s.sequence, s.entry, s.flags));
      return s;
    }
    case 8: {
      Mute s;
      CHECK(read_fields(body, count, s.call, s.kinds));
      return s;
    }
    case 9: {
      Serve s;
      CHECK(read_fields(body, count, s.uplink_bps));
      return s;
    }
    default:
      return fail(Errc::unsupported);
  }
}

}  // namespace

MemberId member_id(const CallKey& key) {
  static constexpr std::string_view name{"conclave/member/1\0", 18};
  auto digest = crypto::sha256({view(name), key});
  return *MemberId::from(digest.view().first(MemberId::size));
}

Bytes consent_statement(const ConferenceKey& conference, const X25519Key& call_x25519,
                        std::string_view name) {
  Bytes out = copy(conference);
  append(out, call_x25519);
  append(out, view(name));
  return out;
}

Member introduce(const SigningKeys& call, const X25519Key& call_x25519, const ConferenceKey& conference,
                 std::string_view name, UnixTime expires, const std::optional<InviteKey>& invite) {
  auto size = std::min(name.size(), Member::name_max);
  while (size < name.size() && size > 0 && (static_cast<Byte>(name[size]) & 0xc0) == 0x80)
    --size;  // whole characters
  name = name.substr(0, size);
  return {.call = call.public_key(),
          .call_x25519 = call_x25519,
          .account = std::nullopt,
          .name = std::string(name),
          .expires = expires,
          .invite = invite,
          .consent = call.sign(consent_domain, consent_statement(conference, call_x25519, name))};
}

std::optional<AccountKey> Statement::account() const {
  if (!certificate) return std::nullopt;
  return certificate->account;
}

template <class Keys>
Statement issue(const Keys& keys, const ConferenceKey& conference, UnixTime now, Saying saying,
                const std::optional<Certificate>& certificate) {
  auto body = body_of(conference, now, saying);
  auto issuer = *IssuerKey::from(keys.public_key());
  std::optional<Bytes> carried;
  if (certificate) carried = encode(*certificate);
  auto bytes = codec::pack(Wire(body, issuer, carried, keys.sign(domain, body)));
  ensure(bytes.size() <= Statement::size_max, "a statement of ours is within its limit");
  auto digest = crypto::sha256(bytes);
  return {conference, now, std::move(saying), issuer, certificate, std::move(bytes), digest};
}
template Statement issue(const ConferenceKeys&, const ConferenceKey&, UnixTime, Saying,
                         const std::optional<Certificate>&);
template Statement issue(const NodeKeys&, const ConferenceKey&, UnixTime, Saying,
                         const std::optional<Certificate>&);
template Statement issue(const SigningKeys&, const ConferenceKey&, UnixTime, Saying,
                         const std::optional<Certificate>&);

Result<Statement> open_statement(ByteView in, const ConferenceKey& conference, UnixTime now) {
  if (in.size() > Statement::size_max) return fail(Errc::too_long);
  TRY(auto wire, codec::unpack<Wire>(in));
  auto& [body, issuer, carried, signature] = wire;

  TRY(auto parsed, codec::Parsed::from(body));
  TRY(auto count, parsed.root().array());
  if (count < 4) return fail(Errc::wrong_length);
  std::uint8_t its_version = 0;
  std::uint8_t kind = 0;
  Statement out;
  CHECK(read(parsed.root().at(0), its_version));
  if (its_version != statement_version) return fail(Errc::unsupported);
  CHECK(read(parsed.root().at(1), kind));
  CHECK(read(parsed.root().at(2), out.conference));
  CHECK(read(parsed.root().at(3), out.issued.ms));
  TRY(out.saying, read_saying(parsed.root(), count, kind));

  if (out.conference != conference) return fail(Errc::refused);
  if (out.issued > now + skew_max) return fail(Errc::expired);
  CHECK(crypto::verify(issuer, domain, body, signature));
  if (auto* member = std::get_if<Member>(&out.saying)) {
    auto said = consent_statement(conference, member->call_x25519, member->name);
    CHECK(crypto::verify(member->call, consent_domain, said, member->consent));
  }
  if (carried) {
    TRY(auto certificate, decode_certificate(*carried));
    if (certificate.node.bytes != issuer.bytes) return fail(Errc::refused);
    CHECK(verify(certificate, now));
    out.certificate = std::move(certificate);
  }
  out.issuer = issuer;
  out.bytes = copy(in);
  out.digest = crypto::sha256(in);
  return out;
}

}  // namespace conclave::calls
