#pragma once
/// The local API's two doors: a Unix socket in the profile for programs of the same user, and a port of
/// 127.0.0.1 with a token for the owner's browser. Both speak the same JSON (docs/api.md); events are pushed
/// to every WebSocket.
///
/// Nobody outside the machine reaches either; what another web site or another user of the machine may try is
/// in node/gateway/guard.hpp.
#include "crypto/random.hpp"
#include "node/gateway/page_address.hpp"
#include "node/gateway/registry.hpp"
#include "transport/io/clock.hpp"

#include <filesystem>
#include <memory>
#include <optional>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

namespace conclave::gateway {

/// Connections at a time: terminals and bots, and pages. A browser opens at most six to one host.
inline constexpr std::size_t terminal_connections_max = 64;
inline constexpr std::size_t page_connections_max = 32;

struct Options {
  std::filesystem::path socket;     ///< the Unix socket; one that a dead node left there is replaced
  std::filesystem::path remembers;  ///< the file with the page's port and token
  bool page = true;                 ///< serve the browser at all
  std::uint16_t page_port = 0;  ///< 0: the one used last time, or the first free one from `page_port_first`
};

/// Where the first page of a machine is found. Nothing well known is there.
inline constexpr std::uint16_t page_port_first = 4790;

class Gateway {
 public:
  Gateway(boost::asio::any_io_executor executor, io::Clock& clock, Random& random, Options options);
  Gateway(const Gateway&) = delete;
  Gateway& operator=(const Gateway&) = delete;
  ~Gateway();

  /// Methods are added before `start()`.
  Registry& registry();
  /// Opens both doors. The caller holds the profile's lock: nobody else serves this socket. Fails with code
  /// "port_taken" or "socket_failed".
  std::expected<void, Failure> start();
  /// Tells every WebSocket.
  void publish(std::string_view event, const Json& data);
  /// Whether anybody would hear a `publish`.
  bool heard() const;
  /// Nothing where no page is served.
  std::optional<PageAddress> page() const;
  /// From now on only a new token opens the page; pages that are open have to be opened anew.
  Result<> renew_token();
  std::size_t connections() const;
  /// Ends every connection and call under way; idempotent.
  boost::asio::awaitable<void> close();

 private:
  struct Body;
  std::unique_ptr<Body> body_;
};

}  // namespace conclave::gateway
