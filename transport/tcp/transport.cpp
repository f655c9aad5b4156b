#include "transport/tcp/transport.hpp"

#include "crypto/ensure.hpp"
#include "transport/tcp/deadline.hpp"

namespace conclave::tcp {
namespace asio = boost::asio;
namespace {

/// An admitted handshake that ends in whatever way.
struct UnderWay {
  Admission& admission;
  io::IpAddress from;
  bool counted = true;
  ~UnderWay() {
    if (counted) admission.failed(from);
  }
};

noise::KeyPair draw_static_keys(Random& random) {
  Secret<32> secret;
  random.fill(secret.span());
  return noise::KeyPair::from_secret(secret);
}

}  // namespace

Transport::Transport(asio::any_io_executor executor, io::Clock& clock, Random& random, const NodeKeys& keys,
                     TransportSettings settings)
    : executor_(executor),
      clock_(clock),
      settings_(std::move(settings)),
      static_keys_(draw_static_keys(random)),
      admission_(settings_.admission),
      strangers_(executor, clock),
      running_(executor, clock),
      upgrade_{keys, static_keys_, random, {executor, clock, running_, settings_.speaks, settings_.yamux},
               settings_.early_muxer} {}

Transport::~Transport() = default;

Result<io::Endpoint> Transport::listen(const io::Endpoint& at) {
  TRY(std::shared_ptr<Listener> listener, Listener::open(executor_, at));
  listeners_.push_back(listener);
  strangers_.start(accept_loop(listener));
  return listener->local();
}

asio::awaitable<void> Transport::accept_loop(std::shared_ptr<Listener> listener) {
  constexpr auto breath = std::chrono::milliseconds(100);
  for (;;) {
    auto arrival = co_await listener->accept();
    if (!arrival && arrival.error() == Errc::closed) co_return;
    if (!arrival) {
      // A peer that was gone at once is no reason to wait; the lack of descriptors is.
      if (arrival.error() != Errc::stream_reset) co_await io::sleep_until(clock_, clock_.now() + breath);
      continue;
    }
    if (!admission_.begin(arrival->remote.ip, clock_.now())) continue;
    strangers_.start(receive(std::move(arrival->socket), arrival->remote));
  }
}

asio::awaitable<void> Transport::receive(std::unique_ptr<Socket> socket, io::Endpoint remote) {
  UnderWay under_way{admission_, remote.ip};
  auto upgraded = co_await enter(std::move(socket), remote);
  if (!upgraded) co_return;
  auto& connection = upgraded->connection;
  under_way.counted = false;
  auto peer = connection->peer();
  if (!admission_.admitted(remote.ip, peer)) {
    connection->close();
    co_return;
  }
  keep(upgraded->link, [this, remote, peer] { admission_.ended(remote.ip, peer); });
  if (accept_) accept_(connection);  // otherwise nobody wants it, and it closes
}

/// Tells WebSocket from plain TCP, and upgrades.
asio::awaitable<Result<Upgraded>> Transport::enter(std::unique_ptr<Socket> socket, io::Endpoint remote) {
  auto deadline = clock_.now() + settings_.handshake_patience;
  Byte first = 0;
  {
    PipeDeadline limit(clock_, deadline, *socket);
    CO_TRY(first, co_await socket->peek());
  }
  UpgradeOf what{Handshake::Role::listener, io::Connection::Kind::tcp, remote, std::nullopt, deadline};
  std::unique_ptr<io::Stream> pipe;
  if (first == 'G') {  // "GET / HTTP/1.1"
    what.kind = io::Connection::Kind::websocket;
    CO_TRY(pipe, co_await websocket_server(std::move(socket), clock_, deadline));
  } else {
    pipe = std::move(socket);
  }
  co_return co_await upgrade(std::move(pipe), what, upgrade_);
}

asio::awaitable<Result<std::shared_ptr<io::Connection>>> Transport::dial(io::Endpoint to,
                                                                         std::optional<NodeKey> expected,
                                                                         TimePoint deadline,
                                                                         io::Connection::Kind kind) {
  ensure(kind == io::Connection::Kind::tcp || kind == io::Connection::Kind::websocket, "kinds that this transport has");
  if (closing_) co_return fail(Errc::closed);
  CO_TRY(auto socket, co_await Socket::connect(to, clock_, deadline));
  std::unique_ptr<io::Stream> pipe;
  if (kind == io::Connection::Kind::websocket) {
    CO_TRY(pipe, co_await websocket_client(std::move(socket), to, clock_, deadline));
  } else {
    pipe = std::move(socket);
  }
  UpgradeOf what{Handshake::Role::dialler, kind, to, expected, deadline};
  CO_TRY(auto upgraded, co_await upgrade(std::move(pipe), what, upgrade_));
  keep(upgraded.link, nullptr);
  co_return upgraded.connection;
}

/// Remembers a link until its end, so that `close` reaches it.
void Transport::keep(const std::shared_ptr<Link>& link, std::function<void()> at_end) {
  auto id = ++last_link_;
  links_.emplace(id, link);
  link->on_over([this, id, at_end = std::move(at_end)] {
    links_.erase(id);
    if (at_end) at_end();
  });
  if (closing_) link->close();
}

asio::awaitable<void> Transport::close() {
  closing_ = true;
  for (auto& listener : listeners_) listener->close();
  co_await strangers_.close();
  for (auto& [id, weak] : std::map(links_)) {
    if (auto link = weak.lock()) link->close();
  }
  co_await running_.wait_idle_until(clock_.now() + 2 * Link::linger);
  co_await running_.close();
}

}  // namespace conclave::tcp
