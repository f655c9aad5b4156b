#pragma once
/// An IP address and a UDP or TCP port.
#include <compare>
#include <string>

#include "crypto/bytes.hpp"

namespace conclave::io {

struct IpAddress {
  enum class Family : Byte { v4, v6 };
  Family family = Family::v4;
  std::array<Byte, 16> bytes{};  ///< network order; the first four for v4, the rest zero
  friend constexpr auto operator<=>(const IpAddress&, const IpAddress&) = default;

  ByteView view() const { return ByteView(bytes).first(family == Family::v4 ? 4 : 16); }
  static IpAddress v4(Byte a, Byte b, Byte c, Byte d) { return {Family::v4, {a, b, c, d}}; }
  /// Dotted or RFC 5952 form. Fails with Errc::malformed.
  static Result<IpAddress> parse(std::string_view text);
  std::string text() const;

  bool loopback() const;
  /// RFC 1918, RFC 4193, link-local and loopback: not reachable from another network.
  bool private_range() const;
  bool unspecified() const;
  /// Who pays for it: the /24 of a v4 address, the /48 of a v6 one. Limits count these.
  IpAddress network() const;
};

struct Endpoint {
  IpAddress ip;
  std::uint16_t port = 0;
  friend constexpr auto operator<=>(const Endpoint&, const Endpoint&) = default;
  /// `1.2.3.4:5` or `[::1]:5`. Fails with Errc::malformed.
  static Result<Endpoint> parse(std::string_view text);
  std::string text() const;
};

}  // namespace conclave::io
