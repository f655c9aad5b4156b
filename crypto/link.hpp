#pragma once
/// What one person hands another, as a line of text or a QR code: an account key, and some nodes to start from.
///
///     conclave:<base64url>          or behind the # of a web address
///
/// The bytes: version 1 ‖ account key ‖ count ‖ for each node: node key, varint length, multiaddr without its /p2p
/// ‖ the first 4 bytes of SHA-256("conclave/link/1" ‖ 0x00 ‖ everything before). Description: docs/identity.md.
#include "crypto/keys.hpp"

namespace conclave {

struct Link {
  static constexpr std::size_t nodes_max = 8;
  static constexpr std::size_t address_max = 64;  ///< bytes of a multiaddr: /ip6/udp/nquic has 25
  static constexpr std::size_t text_max = 2048;

  struct Node {
    NodeKey key;
    Bytes address;  ///< a multiaddr in binary, without /p2p; opaque here
    bool operator==(const Node&) const = default;
  };
  AccountKey account;
  std::vector<Node> nodes;  ///< to start from; 3–8 in a good link, none in a bare key
  bool operator==(const Link&) const = default;
};

/// `conclave:…`. At most nodes_max nodes, each address at most address_max bytes.
std::string to_text(const Link& link);

/// Takes what people paste: a link, with a web address before its `#`, with white space around it; also a bare
/// `z6Mk…` or `did:key:z6Mk…`. Fails with Errc::bad_checksum (a typing error, or a part is missing), unsupported (from a
/// newer program), too_long, malformed or, for a bare key, as account_key_from_text does.
Result<Link> link_from_text(std::string_view text);

}  // namespace conclave
