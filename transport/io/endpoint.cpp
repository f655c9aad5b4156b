#include "transport/io/endpoint.hpp"

#include <arpa/inet.h>

#include <charconv>

namespace conclave::io {

Result<IpAddress> IpAddress::parse(std::string_view text) {
  std::string copy(text);
  IpAddress out;
  if (inet_pton(AF_INET, copy.c_str(), out.bytes.data()) == 1) return out;
  out.family = Family::v6;
  if (inet_pton(AF_INET6, copy.c_str(), out.bytes.data()) == 1) return out;
  return fail(Errc::malformed);
}

std::string IpAddress::text() const {
  char out[INET6_ADDRSTRLEN];
  inet_ntop(family == Family::v4 ? AF_INET : AF_INET6, bytes.data(), out, sizeof out);
  return out;
}

bool IpAddress::loopback() const {
  if (family == Family::v4) return bytes[0] == 127;
  return std::all_of(bytes.begin(), bytes.end() - 1, [](Byte b) { return b == 0; }) && bytes[15] == 1;
}

bool IpAddress::private_range() const {
  if (loopback()) return true;
  if (family == Family::v6) return (bytes[0] & 0xfe) == 0xfc || (bytes[0] == 0xfe && (bytes[1] & 0xc0) == 0x80);
  return bytes[0] == 10 || (bytes[0] == 172 && (bytes[1] & 0xf0) == 16) ||
         (bytes[0] == 192 && bytes[1] == 168) || (bytes[0] == 169 && bytes[1] == 254);
}

bool IpAddress::unspecified() const {
  return std::all_of(bytes.begin(), bytes.end(), [](Byte b) { return b == 0; });
}

IpAddress IpAddress::network() const {
  IpAddress out = *this;
  std::fill(out.bytes.begin() + (family == Family::v4 ? 3 : 6), out.bytes.end(), Byte{0});
  return out;
}

Result<Endpoint> Endpoint::parse(std::string_view text) {
  auto colon = text.rfind(':');
  if (colon == std::string_view::npos) return fail(Errc::malformed);
  auto host = text.substr(0, colon);
  auto digits = text.substr(colon + 1);
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
  else if (host.find(':') != std::string_view::npos) return fail(Errc::malformed);
  Endpoint out;
  TRY(out.ip, IpAddress::parse(host));
  auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), out.port);
  if (error != std::errc() || end != digits.data() + digits.size()) return fail(Errc::malformed);
  return out;
}

std::string Endpoint::text() const {
  auto host = ip.text();
  return (ip.family == IpAddress::Family::v4 ? host : "[" + host + "]") + ":" + std::to_string(port);
}

}  // namespace conclave::io
