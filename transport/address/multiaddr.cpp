#include "transport/address/multiaddr.hpp"

#include <charconv>

#include "crypto/codec/base58.hpp"
#include "crypto/codec/base_n.hpp"
#include "crypto/codec/key_text.hpp"
#include "crypto/codec/varint.hpp"
#include "crypto/ensure.hpp"
#include "transport/io/endpoint.hpp"

namespace conclave::address {
namespace {

constexpr std::size_t name_max = 253;  // RFC 1035, as text

bool name_is_good(std::string_view name) {
  auto good = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.';
  };
  return !name.empty() && name.size() <= name_max && std::ranges::all_of(name, good);
}

/// A multihash: varint code ‖ varint length ‖ that many bytes, and nothing behind.
bool is_multihash(ByteView bytes) {
  auto code = codec::take_varint(bytes);
  if (!code) return false;
  auto size = codec::take_varint(bytes);
  return size && *size == bytes.size() && !bytes.empty();
}

/// A peer id is SHA-256 or, of keys of at most 42 bytes, the key itself.
bool is_peer_id(ByteView bytes) {
  if (!is_multihash(bytes)) return false;
  return (bytes[0] == 0x12 && bytes.size() == 34) || (bytes[0] == 0x00 && bytes.size() <= 2 + 42);
}

/// The one check of a value, for text and binary alike.
Result<> check_value(ValueKind kind, ByteView value) {
  auto require = [](bool good) -> Result<> { return good ? Result<>() : fail(Errc::malformed); };
  switch (kind) {
    case ValueKind::none: return require(value.empty());
    case ValueKind::ip4: return require(value.size() == 4);
    case ValueKind::ip6: return require(value.size() == 16);
    case ValueKind::port: return require(value.size() == 2);
    case ValueKind::name: return require(name_is_good(text(value)));
    case ValueKind::peer: return require(is_peer_id(value));
    case ValueKind::certhash: return require(is_multihash(value));
  }
  return fail(Errc::unsupported);
}

Result<Bytes> parse_ip(io::IpAddress::Family family, std::string_view text) {
  TRY(auto ip, io::IpAddress::parse(text));
  if (ip.family != family) return fail(Errc::malformed);
  return copy(ip.view());
}

Result<Bytes> parse_port(std::string_view digits) {
  std::uint16_t port = 0;
  auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (error != std::errc() || end != digits.data() + digits.size()) return fail(Errc::malformed);
  return Bytes{static_cast<Byte>(port >> 8), static_cast<Byte>(port)};
}

Result<Bytes> parse_certhash(std::string_view text) {
  if (text.starts_with('u')) return codec::from_base64url(text.substr(1));
  if (text.starts_with('b')) return codec::from_base32(text.substr(1));
  if (text.starts_with('z')) return codec::from_base58(text.substr(1));
  return fail(Errc::malformed);
}

Result<Bytes> parse_value(ValueKind kind, std::string_view text) {
  switch (kind) {
    case ValueKind::none: return Bytes{};
    case ValueKind::ip4: return parse_ip(io::IpAddress::Family::v4, text);
    case ValueKind::ip6: return parse_ip(io::IpAddress::Family::v6, text);
    case ValueKind::port: return parse_port(text);
    case ValueKind::name: return copy(view(text));
    case ValueKind::peer: return codec::peer_id_from_text(text);
    case ValueKind::certhash: return parse_certhash(text);
  }
  return fail(Errc::unsupported);
}

std::string value_text(ValueKind kind, ByteView value) {
  io::IpAddress ip;
  switch (kind) {
    case ValueKind::none: return "";
    case ValueKind::ip4:
    case ValueKind::ip6:
      ip.family = kind == ValueKind::ip4 ? io::IpAddress::Family::v4 : io::IpAddress::Family::v6;
      std::copy(value.begin(), value.end(), ip.bytes.begin());
      return ip.text();
    case ValueKind::port: return std::to_string(value[0] << 8 | value[1]);
    case ValueKind::name: return std::string(text(value));
    case ValueKind::peer: return codec::base58(value);
    case ValueKind::certhash: return "u" + codec::base64url(value);
  }
  return "";
}

bool has_length_prefix(ValueKind kind) {
  return kind == ValueKind::name || kind == ValueKind::peer || kind == ValueKind::certhash;
}

std::size_t fixed_size(ValueKind kind) {
  switch (kind) {
    case ValueKind::ip4: return 4;
    case ValueKind::ip6: return 16;
    case ValueKind::port: return 2;
    default: return 0;
  }
}

ValueKind kind_of(Protocol protocol) { return find(static_cast<std::uint64_t>(protocol))->value; }

}  // namespace

Multiaddr::Multiaddr(std::vector<Part> parts) : parts_(std::move(parts)) {
  for (const auto& part : parts_)
    ensure(check_value(kind_of(part.protocol), part.value).has_value(), "a value of the protocol's form");
}

Result<Multiaddr> Multiaddr::parse(std::string_view text) {
  if (text.size() > text_max) return fail(Errc::too_long);
  if (!text.starts_with('/') || text.size() < 2) return fail(Errc::malformed);
  auto next = [&text] {
    text.remove_prefix(1);
    auto word = text.substr(0, text.find('/'));
    text.remove_prefix(word.size());
    return word;
  };
  Multiaddr out;
  while (!text.empty()) {
    if (out.parts_.size() == parts_max) return fail(Errc::too_long);
    auto entry = find(next());
    if (!entry) return fail(Errc::unsupported);
    std::string_view word;
    if (entry->value != ValueKind::none) {
      if (text.empty()) return fail(Errc::malformed);
      word = next();
    }
    TRY(auto value, parse_value(entry->value, word));
    CHECK(check_value(entry->value, value));
    out.parts_.push_back({entry->protocol, std::move(value)});
  }
  if (out.encode().size() > size_max) return fail(Errc::too_long);
  return out;
}

Result<Multiaddr> Multiaddr::decode(ByteView bytes) {
  if (bytes.empty()) return fail(Errc::malformed);
  if (bytes.size() > size_max) return fail(Errc::too_long);
  Multiaddr out;
  while (!bytes.empty()) {
    if (out.parts_.size() == parts_max) return fail(Errc::too_long);
    TRY(auto code, codec::take_varint(bytes));
    auto entry = find(code);
    if (!entry) return fail(Errc::unsupported);
    std::uint64_t size = fixed_size(entry->value);
    if (has_length_prefix(entry->value)) { TRY(size, codec::take_varint(bytes)); }
    if (size > bytes.size()) return fail(Errc::malformed);
    auto value = bytes.first(size);
    bytes = bytes.subspan(size);
    CHECK(check_value(entry->value, value));
    out.parts_.push_back({entry->protocol, copy(value)});
  }
  return out;
}

std::string Multiaddr::text() const {
  std::string out;
  for (const auto& [protocol, value] : parts_) {
    auto entry = *find(static_cast<std::uint64_t>(protocol));
    out += "/";
    out += entry.name;
    if (entry.value != ValueKind::none) out += "/" + value_text(entry.value, value);
  }
  return out;
}

Bytes Multiaddr::encode() const {
  Bytes out;
  for (const auto& [protocol, value] : parts_) {
    codec::append_varint(out, static_cast<std::uint64_t>(protocol));
    if (has_length_prefix(kind_of(protocol))) codec::append_varint(out, value.size());
    append(out, value);
  }
  return out;
}

Multiaddr Multiaddr::with(Protocol protocol, Bytes value) const {
  auto parts = parts_;
  parts.push_back({protocol, std::move(value)});
  return Multiaddr(std::move(parts));
}

void write(codec::Packer& to, const Multiaddr& value) { to.bin(value.encode()); }

Result<> read(codec::Item from, Multiaddr& out) {
  TRY(auto bytes, from.bin());
  TRY(out, Multiaddr::decode(bytes));
  return {};
}

}  // namespace conclave::address
