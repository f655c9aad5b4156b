#include "node/gateway/gateway.hpp"

#include "crypto/ensure.hpp"
#include "node/gateway/connection.hpp"
#include "node/gateway/page.hpp"
#include "node/gateway/request.hpp"
#include "node/gateway/socket_path.hpp"
#include "transport/io/completion.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

namespace conclave::gateway {
namespace asio = boost::asio;
namespace {

using Door = Caller::Door;
using UnixAcceptor = asio::local::stream_protocol::acceptor;
using TcpAcceptor = asio::ip::tcp::acceptor;
using io::with_error;
// How many ports to try on the very first start before saying that they are all taken.
constexpr int ports_tried = 100;

std::unexpected<Failure> socket_failed(std::string what, const boost::system::error_code& error) {
  return std::unexpected(Failure{"socket_failed", std::move(what) + ": " + error.message() + ".",
                                 "Check that the profile directory is on a local disk and belongs to you."});
}

std::unexpected<Failure> port_taken(std::uint16_t port) {
  // Never another port by itself: whoever sits on the old one could show a page and read the token from it.
  return std::unexpected(Failure{"port_taken",
                                 "Port " + std::to_string(port) +
                                     " of 127.0.0.1, where the page is served, is "
                                     "taken by another program.",
                                 "Stop that program, or choose another port with --page-port."});
}

// Beside the file mode: a process of another user that was handed the descriptor is not the owner.
bool same_user(int handle) {
  ucred who{};
  socklen_t size = sizeof who;
  if (::getsockopt(handle, SOL_SOCKET, SO_PEERCRED, &who, &size) != 0) return false;
  return who.uid == ::geteuid() || who.uid == 0;
}

bool listen_on(TcpAcceptor& acceptor, std::uint16_t port) {
  boost::system::error_code error;
  asio::ip::tcp::endpoint where(asio::ip::address_v4::loopback(), port);
  acceptor.open(where.protocol(), error);
  // Without this a restart within a minute would find its own port in TIME_WAIT.
  if (!error) acceptor.set_option(TcpAcceptor::reuse_address(true), error);
  if (!error) acceptor.bind(where, error);
  if (!error) acceptor.listen(64, error);
  if (!error) return true;
  acceptor.close(error);
  return false;
}

}  // namespace

struct Gateway::Body {
  Body(asio::any_io_executor executor, io::Clock& clock, Random& the_random, Options the_options)
      : options(std::move(the_options)),
        random(the_random),
        scope(executor, clock),
        service{executor, clock, registry, scope, 0, {}, {}, 0},
        terminal(executor),
        page(executor) {}

  std::expected<void, Failure> open_terminal() {
    auto path = SocketPath::of(options.socket);
    if (!path) return socket_failed("The socket of the local API cannot be made", path.error());
    ::unlink(path->text().c_str());
    boost::system::error_code error;
    asio::local::stream_protocol::endpoint where(path->text());
    terminal.open(where.protocol(), error);
    if (!error) terminal.bind(where, error);
    // The directory is 0700 already; the mode holds where somebody opened it up.
    if (!error && ::chmod(path->text().c_str(), 0600) != 0)
      error.assign(errno, boost::system::system_category());
    if (!error) terminal.listen(64, error);
    if (error) return socket_failed("The socket " + options.socket.string() + " cannot be made", error);
    return {};
  }

  std::expected<void, Failure> open_page() {
    address = load_page_address(options.remembers, random);
    std::uint16_t wanted = options.page_port ? options.page_port : address->port;
    if (wanted != 0) {
      if (!listen_on(page, wanted)) {
        forget_token();
        return port_taken(wanted);
      }
    } else {
      wanted = page_port_first;
      while (!listen_on(page, wanted)) {
        if (++wanted == page_port_first + ports_tried) return port_taken(page_port_first);
      }
    }
    address->port = wanted;
    if (auto saved = save_page_address(options.remembers, *address); !saved)
      return socket_failed("The page's address cannot be kept in " + options.remembers.string(),
                           saved.error());
    service.page_port = wanted;
    service.token = address->token;
    service.policy = content_security_policy(page_html(), wanted);
    return {};
  }

  /// Somebody else sits where our pages look for us. One that was left open, or a bookmark, may have told him the token.
  void forget_token() {
    random.fill(address->token.bytes.span());
    (void)save_page_address(options.remembers, *address);
  }

  /// Whether one more may come. Where the door is full of those who have shown no token, the first of them goes: another
  /// user of the machine could keep the owner's page out by holding connections.
  bool make_room(Door door, std::size_t connections_max) {
    if (count(door) < connections_max) return true;
    for (auto& [id, connection] : connections) {
      if (connection->door() != door || connection->proven()) continue;
      connection->stop();
      return true;
    }
    return false;
  }

  template <class Acceptor>
  asio::awaitable<void> accept(Acceptor& acceptor, Door door, std::size_t connections_max) {
    while (acceptor.is_open()) {
      auto [error, socket] = co_await acceptor.async_accept(with_error);
      if (error == asio::error::operation_aborted || error == asio::error::bad_descriptor) co_return;
      if (error) {  // out of descriptors, most likely: they come back when connections end
        co_await io::sleep_until(service.clock, service.clock.now() + std::chrono::milliseconds(100));
        continue;
      }
      if (door == Door::terminal && !same_user(socket.native_handle())) continue;
      if (!make_room(door, connections_max)) continue;  // closed by going out of scope
      scope.start(serve(Caller::Id(++last_id), door, acceptor.local_endpoint().protocol().family(),
                        socket.release()));
    }
  }

  asio::awaitable<void> serve(Caller::Id id, Door door, int family, int handle) {
    auto connection = Connection::open(service, id, door, family, handle);
    connections.emplace(id, connection);
    co_await connection->serve();
    connections.erase(id);
  }

  std::size_t count(Door door) const {
    std::size_t out = 0;
    for (auto& [id, connection] : connections) out += connection->door() == door;
    return out;
  }

  Options options;
  Random& random;
  Registry registry;
  io::Scope scope;
  Service service;
  UnixAcceptor terminal;
  TcpAcceptor page;
  std::optional<PageAddress> address;
  std::map<Caller::Id, std::shared_ptr<Connection>> connections;
  std::uint64_t last_id = 0;
  bool closed = false;
};

Gateway::Gateway(asio::any_io_executor executor, io::Clock& clock, Random& random, Options options)
    : body_(std::make_unique<Body>(std::move(executor), clock, random, std::move(options))) {}
Gateway::~Gateway() = default;

Registry& Gateway::registry() { return body_->registry; }
std::optional<PageAddress> Gateway::page() const { return body_->address; }
std::size_t Gateway::connections() const { return body_->connections.size(); }

std::expected<void, Failure> Gateway::start() {
  auto& body = *body_;
  // The page first: a port that is taken must not leave a socket behind that nobody serves.
  if (body.options.page) CHECK(body.open_page());
  CHECK(body.open_terminal());
  body.scope.start(body.accept(body.terminal, Door::terminal, terminal_connections_max));
  if (body.options.page) body.scope.start(body.accept(body.page, Door::page, page_connections_max));
  return {};
}

bool Gateway::heard() const {
  for (auto& [id, connection] : body_->connections) {
    if (connection->listening()) return true;
  }
  return false;
}

void Gateway::publish(std::string_view event, const Json& data) {
  if (!heard()) return;
  auto encoded = std::make_shared<const std::string>(encode_event(event, data));
  for (auto& [id, connection] : body_->connections) connection->push_encoded(encoded);
}

Result<> Gateway::renew_token() {
  ensure(body_->address.has_value(), "a page is served");
  PageAddress fresh = *body_->address;
  body_->random.fill(fresh.token.bytes.span());
  CHECK(save_page_address(body_->options.remembers, fresh));
  body_->address = fresh;
  body_->service.token = fresh.token;
  for (auto& [id, connection] : body_->connections) {
    if (connection->door() == Door::page) connection->stop();
  }
  return {};
}

asio::awaitable<void> Gateway::close() {
  auto& body = *body_;
  if (std::exchange(body.closed, true)) co_return;
  boost::system::error_code ignored;
  bool served = body.terminal.is_open();
  body.terminal.close(ignored);
  body.page.close(ignored);
  for (auto& [id, connection] : body.connections) connection->stop();
  co_await body.scope.close();
  body.connections.clear();
  if (!served) co_return;
  if (auto path = SocketPath::of(body.options.socket)) ::unlink(path->text().c_str());
}

}  // namespace conclave::gateway
