#pragma once
/// An account that this account knows, and one that would like to be known.
#include "crypto/keys.hpp"
#include "crypto/time.hpp"

#include <optional>
#include <string>
#include <vector>

namespace conclave::contacts {

struct Contact {
  AccountKey account;
  std::string name;       ///< ours for it; empty if none was given
  bool blocked = false;   ///< its messages are dropped, and it is not told
  bool verified = false;  ///< the person compared the safety number
  bool online = false;    ///< one of its nodes is connected, or was heard from within the last ten minutes
  UnixTime added;
  std::optional<UnixTime> seen;  ///< when one of its nodes last spoke with us
  std::vector<NodeKey> nodes;    ///< its devices, as far as known and not revoked
};

/// A stranger who knocked. Its messages wait in its conversation; it gets no receipt before acceptance.
struct Request {
  AccountKey account;
  UnixTime first;
  std::uint64_t messages = 0;  ///< kept ones; what came above the limit was dropped
  std::string preview;         ///< the first 200 bytes of its first message
};

/// A device of our own account.
struct Device {
  NodeKey node;
  std::string name;
  bool this_one = false;
  bool online = false;
  bool revoked = false;
  UnixTime certified;
};

/// A name of a contact or a device: UTF-8 bytes at most.
inline constexpr std::size_t name_max = 128;

}  // namespace conclave::contacts
