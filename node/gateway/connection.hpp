#pragma once
/// One accepted connection: HTTP requests, one after the other, until it ends or becomes a WebSocket.
#include "node/gateway/guard.hpp"
#include "node/gateway/registry.hpp"
#include "transport/io/scope.hpp"

#include <boost/asio/any_io_executor.hpp>

namespace conclave::gateway {

/// What all connections of a gateway share. Outlives them.
struct Service {
  boost::asio::any_io_executor executor;
  io::Clock& clock;
  const Registry& registry;
  io::Scope& scope;  ///< owns every coroutine, those of answers under way too
  std::uint16_t page_port = 0;
  Token token;
  std::string policy;  ///< Content-Security-Policy of the page
  std::size_t calls_running = 0;
};

/// Answers under way at a time, for one connection and for all of them: `send` that waits for its receipt is
/// the longest, and a page asks for about ten things at its start.
inline constexpr std::size_t calls_per_connection_max = 32;
inline constexpr std::size_t calls_max = 256;

class Connection : public Caller {
 public:
  /// Takes the accepted socket `handle` of the address family `family` over.
  static std::shared_ptr<Connection> open(Service& service, Id id, Door door, int family, int handle);

  /// Until the connection ends. Holds itself alive.
  virtual boost::asio::awaitable<void> serve() = 0;
  /// A WebSocket that may hear events.
  virtual bool listening() const = 0;
  /// Has shown the token, or came by the terminal's door.
  virtual bool proven() const = 0;
  /// Queues an encoded event; a connection that cannot keep up is ended.
  virtual void push_encoded(std::shared_ptr<const std::string> text) = 0;
  /// Ends it now.
  virtual void stop() = 0;
};

}  // namespace conclave::gateway
