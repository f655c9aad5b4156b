#pragma once
/// What chat needs to know of others and cannot know itself. node.cpp answers, out of contacts and swarm.
#include "node/chat/journal.hpp"
#include "node/store/store.hpp"
#include "transport/io/endpoint.hpp"
#include "transport/io/event.hpp"
#include "transport/io/stream.hpp"

#include <functional>
#include <memory>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

namespace conclave::chat {

/// What an account is to us.
enum class Standing : Byte { stranger, contact, own, blocked };

struct Company {
  /// Our first frame to a node of `to`.
  std::function<Hello(const AccountKey& to)> introduce;
  /// Judges the first frame of the node `peer`, whose key its connection has proven: that the certificate
  /// makes it a device of `hello.from`, and has not been revoked. Remembers the device. A stranger may be
  /// refused for there being too many.
  std::function<boost::asio::awaitable<Result<Standing>>(NodeKey peer, Hello hello, io::Endpoint at)> meet;
  std::function<Standing(const AccountKey&)> standing;
  /// Whether `node` has shown that it is a device of the account.
  std::function<bool(const AccountKey&, const NodeKey& node)> known;
  /// A device of ours talks with this account, so we know it.
  std::function<boost::asio::awaitable<Result<>>(AccountKey)> befriend;
  /// Nodes of the account that are connected now, and those that are after we went to look for them.
  std::function<std::vector<NodeKey>(const AccountKey&)> connected;
  std::function<boost::asio::awaitable<std::vector<NodeKey>>(AccountKey)> reach;
  /// A chat stream on the connection that there is.
  std::function<boost::asio::awaitable<Result<std::unique_ptr<io::Stream>>>(NodeKey)> open;
  /// Names the connection to `node` that there is now; null without one.
  std::function<const void*(const NodeKey& node)> link;
  /// Whether the connection to `node` is to last while nothing is said.
  std::function<bool(const NodeKey& node)> kept;
  std::function<void(const NodeKey& node)> misbehaved;
  std::function<void(const Change&, Standing)> tell;
};

/// What each part of chat works with; outlives them.
struct Parts {
  boost::asio::any_io_executor executor;
  io::Clock& clock;
  store::Store& store;
  Self self;
  Company company;
};

/// The other side has this long for its first frame.
inline constexpr Duration hello_patience = std::chrono::seconds(10);
/// A stream on which nothing is said is closed after this, unless the peer is kept.
inline constexpr Duration idle_patience = std::chrono::seconds(30);

}  // namespace conclave::chat
