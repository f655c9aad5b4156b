#include "transport/webrtc/stun.hpp"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "crypto/secret.hpp"
#include "transport/webrtc/big_endian.hpp"

namespace conclave::webrtc {
namespace {

constexpr std::uint32_t cookie = 0x2112a442;
constexpr std::uint32_t fingerprint_mask = 0x5354554e;
constexpr std::size_t header_size = 20, integrity_size = 20;

namespace type {
constexpr std::uint16_t username = 0x0006, integrity = 0x0008, error = 0x0009, unknown = 0x000a, realm = 0x0014,
                        nonce = 0x0015, mapped = 0x0020, priority = 0x0024, use_candidate = 0x0025,
                        software = 0x8022, fingerprint = 0x8028, controlled = 0x8029, controlling = 0x802a;
}

constexpr auto crc_table = [] {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t value = i;
    for (int bit = 0; bit < 8; ++bit) value = value & 1 ? value >> 1 ^ 0xedb88320U : value >> 1;
    table[i] = value;
  }
  return table;
}();

std::uint32_t crc32(ByteView head, ByteView rest) {
  std::uint32_t crc = 0xffffffff;
  for (auto part : {head, rest}) {
    for (auto byte : part) crc = crc_table[(crc ^ byte) & 0xff] ^ crc >> 8;
  }
  return ~crc;
}

/// The header as it stood when the checksum at `at` was computed: its length ends behind that attribute.
std::array<Byte, header_size> header_as_of(ByteView bytes, std::size_t at, std::size_t value_size) {
  std::array<Byte, header_size> header;
  std::copy_n(bytes.begin(), header_size, header.begin());
  put16(header.data() + 2, at + 4 + value_size - header_size);
  return header;
}

std::array<Byte, integrity_size> hmac_sha1(ByteView key, ByteView bytes, std::size_t at) {
  Bytes covered(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(at));
  auto header = header_as_of(bytes, at, integrity_size);
  std::copy(header.begin(), header.end(), covered.begin());
  std::array<Byte, integrity_size> out;
  unsigned size = integrity_size;
  HMAC(EVP_sha1(), key.data(), static_cast<int>(key.size()), covered.data(), covered.size(), out.data(), &size);
  return out;
}

Result<io::Endpoint> read_address(ByteView value, const StunTransaction& transaction) {
  if (value.size() < 4) return fail(Errc::malformed);
  io::Endpoint out;
  out.port = static_cast<std::uint16_t>(be16(value.data() + 2) ^ (cookie >> 16));
  std::array<Byte, 16> mask;
  put32(mask.data(), cookie);
  std::copy(transaction.begin(), transaction.end(), mask.begin() + 4);
  std::size_t size = value[1] == 1 ? 4 : 16;
  if ((value[1] != 1 && value[1] != 2) || value.size() != 4 + size) return fail(Errc::malformed);
  out.ip.family = value[1] == 1 ? io::IpAddress::Family::v4 : io::IpAddress::Family::v6;
  for (std::size_t i = 0; i < size; ++i) out.ip.bytes[i] = value[4 + i] ^ mask[i];
  return out;
}

Result<> read_attribute(StunMessage& out, std::uint16_t kind, ByteView value) {
  switch (kind) {
    case type::username:
      if (value.size() > StunMessage::username_max) return fail(Errc::too_long);
      out.username = text(value);
      break;
    case type::realm: out.realm = text(value); break;
    case type::nonce: out.nonce = text(value); break;
    case type::software: out.software = text(value); break;
    case type::priority:
      if (value.size() != 4) return fail(Errc::malformed);
      out.priority = be32(value.data());
      break;
    case type::controlling:
    case type::controlled:
      if (value.size() != 8) return fail(Errc::malformed);
      (kind == type::controlling ? out.controlling : out.controlled) = be64(value.data());
      break;
    case type::use_candidate: out.use_candidate = true; break;
    case type::error: {
      if (value.size() < 4) return fail(Errc::malformed);
      auto code = (value[2] & 7) * 100 + value[3];
      if (code < 300 || code > 699 || value[3] > 99) return fail(Errc::malformed);
      out.error = static_cast<std::uint16_t>(code);
      break;
    }
    case type::mapped: {
      TRY(out.mapped, read_address(value, out.transaction));
      break;
    }
    default:
      if (kind < 0x8000 && !out.unknown) out.unknown = kind;
  }
  return {};
}

}  // namespace

bool looks_like_stun(ByteView bytes) {
  return bytes.size() >= header_size && bytes[0] < 4 && be32(bytes.data() + 4) == cookie;
}

Result<StunMessage> decode_stun(ByteView bytes) {
  if (!looks_like_stun(bytes)) return fail(Errc::malformed);
  if (bytes.size() > StunMessage::size_max) return fail(Errc::too_long);
  std::size_t length = be16(bytes.data() + 2);
  if (length % 4 != 0 || header_size + length != bytes.size()) return fail(Errc::malformed);

  StunMessage out;
  out.bytes = bytes;
  // RFC 8489 section 5: the class bits sit at 4 and 8 of the type, between the bits of the method.
  auto kind = be16(bytes.data());
  out.kind = static_cast<StunMessage::Class>((kind >> 4 & 1) | (kind >> 7 & 2));
  out.method = static_cast<std::uint16_t>((kind & 0xf) | (kind >> 1 & 0x70) | (kind >> 2 & 0xf80));
  std::copy_n(bytes.begin() + 8, out.transaction.size(), out.transaction.begin());

  for (std::size_t at = header_size; at < bytes.size();) {
    if (bytes.size() - at < 4 || out.fingerprint) return fail(Errc::malformed);
    auto attribute = be16(bytes.data() + at);
    std::size_t size = be16(bytes.data() + at + 2);
    auto padded = (size + 3) & ~std::size_t{3};
    if (padded > bytes.size() - at - 4) return fail(Errc::malformed);
    auto value = bytes.subspan(at + 4, size);
    if (attribute == type::fingerprint) {
      if (size != 4) return fail(Errc::malformed);
      auto header = header_as_of(bytes, at, 4);
      auto expected = crc32(header, bytes.subspan(header_size, at - header_size)) ^ fingerprint_mask;
      if (be32(value.data()) != expected) return fail(Errc::bad_checksum);
      out.fingerprint = true;
    } else if (out.integrity_at == 0 && attribute == type::integrity) {
      if (size != integrity_size) return fail(Errc::malformed);
      out.integrity_at = at;
    } else if (out.integrity_at == 0) {
      CHECK(read_attribute(out, attribute, value));
    }
    at += 4 + padded;
  }
  return out;
}

bool StunMessage::authentic(ByteView key) const {
  if (integrity_at == 0) return false;
  return same_secret(hmac_sha1(key, bytes, integrity_at), bytes.subspan(integrity_at + 4, integrity_size));
}

StunWriter::StunWriter(StunMessage::Class kind, const StunTransaction& transaction) {
  bytes_.reserve(128);
  auto bits = static_cast<unsigned>(kind);
  append16(bytes_, StunMessage::binding | (bits & 1) << 4 | (bits & 2) << 7);
  append16(bytes_, 0);
  append32(bytes_, cookie);
  append(bytes_, transaction);
}

void StunWriter::attribute(std::uint16_t kind, ByteView value) {
  append16(bytes_, kind);
  append16(bytes_, value.size());
  append(bytes_, value);
  bytes_.resize((bytes_.size() + 3) & ~std::size_t{3});
  put16(bytes_.data() + 2, bytes_.size() - header_size);
}

StunWriter& StunWriter::username(std::string_view name) {
  attribute(type::username, view(name));
  return *this;
}
StunWriter& StunWriter::priority(std::uint32_t priority) {
  std::array<Byte, 4> value;
  put32(value.data(), priority);
  attribute(type::priority, value);
  return *this;
}
StunWriter& StunWriter::controlling(std::uint64_t tie_breaker) {
  std::array<Byte, 8> value;
  put64(value.data(), tie_breaker);
  attribute(type::controlling, value);
  return *this;
}
StunWriter& StunWriter::use_candidate() {
  attribute(type::use_candidate, {});
  return *this;
}
StunWriter& StunWriter::mapped(const io::Endpoint& address) {
  Bytes value{0, static_cast<Byte>(address.ip.family == io::IpAddress::Family::v4 ? 1 : 2)};
  append16(value, address.port ^ cookie >> 16);
  auto ip = address.ip.view();
  // The mask is the cookie and the transaction id, as they stand in the header.
  for (std::size_t i = 0; i < ip.size(); ++i) value.push_back(ip[i] ^ bytes_[4 + i]);
  attribute(type::mapped, value);
  return *this;
}
StunWriter& StunWriter::error(std::uint16_t code, std::string_view reason) {
  Bytes value{0, 0, static_cast<Byte>(code / 100), static_cast<Byte>(code % 100)};
  append(value, view(reason));
  attribute(type::error, value);
  return *this;
}
StunWriter& StunWriter::unknown_attribute(std::uint16_t kind) {
  std::array<Byte, 2> value;
  put16(value.data(), kind);
  attribute(type::unknown, value);
  return *this;
}
StunWriter& StunWriter::integrity(ByteView key) {
  auto mac = hmac_sha1(key, bytes_, bytes_.size());
  attribute(type::integrity, mac);
  return *this;
}
StunWriter& StunWriter::fingerprint() {
  auto header = header_as_of(bytes_, bytes_.size(), 4);
  std::array<Byte, 4> value;
  put32(value.data(), crc32(header, ByteView(bytes_).subspan(header_size)) ^ fingerprint_mask);
  attribute(type::fingerprint, value);
  return *this;
}

}  // namespace conclave::webrtc
