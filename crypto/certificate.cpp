#include "crypto/certificate.hpp"

#include "crypto/codec/msgpack.hpp"
#include "crypto/ensure.hpp"

namespace conclave {
namespace {

constexpr std::uint8_t version = 1;
constexpr Domain certificate_domain{"conclave/device/1"};
constexpr Domain revocation_domain{"conclave/revocation/1"};

// The orders below are the protocol. The signature is over the same array without its last element.
using CertificateWire =
    std::tuple<std::uint8_t, AccountKey, NodeKey, std::uint64_t, UnixTime, UnixTime, std::string, Signature>;
using RevocationWire = std::tuple<std::uint8_t, AccountKey, NodeKey, UnixTime, Signature>;

Bytes signed_part(const Certificate& c) {
  return codec::pack(std::tuple(version, c.account, c.node, c.sequence, c.created, c.expires, c.name));
}
Bytes signed_part(const Revocation& r) {
  return codec::pack(std::tuple(version, r.account, r.node, r.created));
}

}  // namespace

Certificate certify(const AccountKeys& account, const NodeKey& node, std::uint64_t sequence, UnixTime created,
                    UnixTime expires, std::string name) {
  ensure(created < expires, "a certificate ends after it begins");
  ensure(name.size() <= Certificate::name_max && codec::is_utf8(name), "a name of at most 64 bytes of UTF-8");
  Certificate out{account.public_key(), node, sequence, created, expires, std::move(name), {}};
  out.signature = account.sign(certificate_domain, signed_part(out));
  return out;
}

Revocation revoke(const AccountKeys& account, const NodeKey& node, UnixTime created) {
  Revocation out{account.public_key(), node, created, {}};
  out.signature = account.sign(revocation_domain, signed_part(out));
  return out;
}

Bytes encode(const Certificate& c) {
  return codec::pack(
      CertificateWire{version, c.account, c.node, c.sequence, c.created, c.expires, c.name, c.signature});
}

Bytes encode(const Revocation& r) {
  return codec::pack(RevocationWire{version, r.account, r.node, r.created, r.signature});
}

Result<Certificate> decode_certificate(ByteView in) {
  if (in.size() > Certificate::size_max) return fail(Errc::too_long);
  TRY(auto kind, codec::peek_kind(in));
  if (kind != version) return fail(Errc::unsupported);
  TRY(auto wire, codec::unpack<CertificateWire>(in));
  auto& [number, account, node, sequence, created, expires, name, signature] = wire;
  if (name.size() > Certificate::name_max) return fail(Errc::too_long);
  if (created >= expires) return fail(Errc::malformed);
  return Certificate{account, node, sequence, created, expires, std::move(name), signature};
}

Result<Revocation> decode_revocation(ByteView in) {
  if (in.size() > Revocation::size_max) return fail(Errc::too_long);
  TRY(auto kind, codec::peek_kind(in));
  if (kind != version) return fail(Errc::unsupported);
  TRY(auto wire, codec::unpack<RevocationWire>(in));
  auto& [number, account, node, created, signature] = wire;
  return Revocation{account, node, created, signature};
}

Result<> verify(const Certificate& certificate, UnixTime now, std::span<const Revocation> revocations) {
  CHECK(crypto::verify(certificate.account, certificate_domain, signed_part(certificate),
                       certificate.signature));
  CHECK(crypto::to_x25519(certificate.node));
  // The skew goes on our side: a stranger's times may lie at the ends of their type.
  if (now + clock_skew < certificate.created || now - clock_skew >= certificate.expires)
    return fail(Errc::expired);
  for (const auto& revocation : revocations)
    if (revocation.account == certificate.account && revocation.node == certificate.node)
      return fail(Errc::revoked);
  return {};
}

Result<> verify(const Revocation& revocation) {
  return crypto::verify(revocation.account, revocation_domain, signed_part(revocation), revocation.signature);
}

}  // namespace conclave
