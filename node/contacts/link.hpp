#pragma once
/// What one person hands another: an account key, and some nodes to start from.
///
///     conclave:z6Mk…?via=/ip4/192.0.2.1/udp/4001/nquic/p2p/12D3Koo…&via=…&check=1a2b3c4d
///
/// `check` is the start of a SHA-256 over everything before it, so that a typing error in a long link gets a
/// sentence instead of a silent failure. A bare account key is a link without `via`.
#include "crypto/keys.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace conclave::contacts {

struct Link {
  static constexpr std::size_t via_max = 8;
  static constexpr std::size_t text_max = 4096;
  AccountKey account;
  std::vector<std::string> via;  ///< multiaddrs that end in /p2p/…, at most `via_max`
  bool operator==(const Link&) const = default;
};

std::string format_link(const Link& link);
/// Takes a link, `z6Mk…` or `did:key:z6Mk…`, with white space around it. Fails with Errc::bad_checksum for a
/// typing error, Errc::malformed, Errc::too_long, Errc::bad_key.
Result<Link> parse_link(std::string_view text);

}  // namespace conclave::contacts
