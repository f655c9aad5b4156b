#pragma once
/// Where the owner's browser finds the node: a port of 127.0.0.1 and the token, kept in the profile across
/// restarts, so that an open page comes back by itself and a bookmark stays good.
#include "crypto/random.hpp"
#include "node/gateway/guard.hpp"

#include <filesystem>
#include <optional>

namespace conclave::gateway {

struct PageAddress {
  std::uint16_t port = 0;  ///< 0: not chosen yet
  Token token;

  /// `http://127.0.0.1:4790/#token=…`: a browser never sends the fragment anywhere.
  std::string url() const;
};

/// Reads `file`; makes a new token where there is none, or where what is there cannot be read as an address.
PageAddress load_page_address(const std::filesystem::path& file, Random& random);
/// Replaces `file` (mode 0600) in one step. Fails with the system's error.
Result<> save_page_address(const std::filesystem::path& file, const PageAddress& address);

}  // namespace conclave::gateway
