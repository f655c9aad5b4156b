#include "transport/tcp/socket.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/write.hpp>

#include "transport/io/completion.hpp"
#include "transport/tcp/deadline.hpp"

namespace conclave::tcp {
namespace asio = boost::asio;
using asio::ip::tcp;
namespace {

using io::with_error;

Error from_asio(const boost::system::error_code& error) {
  if (error == asio::error::eof) return Errc::end_of_stream;
  if (error == asio::error::connection_reset || error == asio::error::broken_pipe) return Errc::stream_reset;
  if (error == asio::error::operation_aborted || error == asio::error::bad_descriptor) return Errc::closed;
  return error;  // the system's, as std::error_code
}

tcp::endpoint to_asio(const io::Endpoint& endpoint) {
  if (endpoint.ip.family == io::IpAddress::Family::v4) {
    asio::ip::address_v4::bytes_type bytes;
    std::copy_n(endpoint.ip.bytes.begin(), bytes.size(), bytes.begin());
    return {asio::ip::address_v4(bytes), endpoint.port};
  }
  asio::ip::address_v6::bytes_type bytes;
  std::copy(endpoint.ip.bytes.begin(), endpoint.ip.bytes.end(), bytes.begin());
  return {asio::ip::address_v6(bytes), endpoint.port};
}

io::Endpoint from_asio(const tcp::endpoint& endpoint) {
  auto address = endpoint.address();
  // A v4 peer on a socket of both families.
  if (address.is_v6() && address.to_v6().is_v4_mapped()) {
    address = asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6());
  }
  io::Endpoint out;
  out.port = endpoint.port();
  if (address.is_v4()) {
    auto bytes = address.to_v4().to_bytes();
    std::copy(bytes.begin(), bytes.end(), out.ip.bytes.begin());
    return out;
  }
  out.ip.family = io::IpAddress::Family::v6;
  out.ip.bytes = {};
  auto bytes = address.to_v6().to_bytes();
  std::copy(bytes.begin(), bytes.end(), out.ip.bytes.begin());
  return out;
}

}  // namespace

struct Socket::State {
  explicit State(tcp::socket the_socket) : socket(std::move(the_socket)) {}
  /// Frames are gathered above: what is handed down here is to go now.
  void hurry() {
    boost::system::error_code ignored;
    socket.set_option(tcp::no_delay(true), ignored);
  }
  tcp::socket socket;
};

Socket::Socket(std::unique_ptr<State> state) : state_(std::move(state)) {}
Socket::~Socket() = default;

asio::awaitable<Result<std::unique_ptr<Socket>>> Socket::connect(io::Endpoint to, io::Clock& clock,
                                                                 TimePoint deadline) {
  auto executor = co_await asio::this_coro::executor;
  auto out = std::make_unique<Socket>(std::make_unique<State>(tcp::socket(executor)));
  PipeDeadline limit(clock, deadline, *out);
  auto [error] = co_await out->state_->socket.async_connect(to_asio(to), with_error);
  if (limit.passed()) co_return fail(Errc::timed_out);
  if (error) co_return fail(from_asio(error));
  out->state_->hurry();
  co_return out;
}

asio::awaitable<Result<std::size_t>> Socket::read_some(MutableBytes into) {
  auto [error, size] = co_await state_->socket.async_read_some(asio::buffer(into.data(), into.size()), with_error);
  if (error) co_return fail(from_asio(error));
  co_return size;
}

asio::awaitable<Result<>> Socket::write_all(ByteView bytes) {
  auto [error, size] =
      co_await asio::async_write(state_->socket, asio::buffer(bytes.data(), bytes.size()), with_error);
  if (error) co_return fail(from_asio(error));
  co_return Result<>();
}

asio::awaitable<Result<>> Socket::close_write() {
  boost::system::error_code error;
  state_->socket.shutdown(tcp::socket::shutdown_send, error);
  if (error) co_return fail(from_asio(error));
  co_return Result<>();
}

void Socket::reset() {
  boost::system::error_code ignored;
  state_->socket.close(ignored);
}

asio::awaitable<Result<Byte>> Socket::peek() {
  Byte first = 0;
  auto [error, size] =
      co_await state_->socket.async_receive(asio::buffer(&first, 1), tcp::socket::message_peek, with_error);
  if (error) co_return fail(from_asio(error));
  co_return first;
}

Socket::Bare Socket::release() {
  boost::system::error_code ignored;
  auto& socket = state_->socket;
  bool v6 = socket.local_endpoint(ignored).address().is_v6();
  return {socket.get_executor(), socket.release(ignored), v6};
}

struct Listener::State {
  explicit State(const asio::any_io_executor& executor) : acceptor(executor) {}
  tcp::acceptor acceptor;
};

Listener::Listener(std::unique_ptr<State> state) : state_(std::move(state)) {}
Listener::~Listener() = default;

Result<std::unique_ptr<Listener>> Listener::open(asio::any_io_executor executor, const io::Endpoint& at) {
  auto state = std::make_unique<State>(executor);
  auto& acceptor = state->acceptor;
  auto endpoint = to_asio(at);
  boost::system::error_code error;
  acceptor.open(endpoint.protocol(), error);
  if (!error) acceptor.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error && endpoint.address().is_v6()) acceptor.set_option(asio::ip::v6_only(false), error);
  if (!error) acceptor.bind(endpoint, error);
  if (!error) acceptor.listen(asio::socket_base::max_listen_connections, error);
  if (error) return fail(from_asio(error));
  std::unique_ptr<Listener> out(new Listener(std::move(state)));
  out->local_ = from_asio(acceptor.local_endpoint(error));
  return out;
}

asio::awaitable<Result<Listener::Arrival>> Listener::accept() {
  auto [error, socket] = co_await state_->acceptor.async_accept(with_error);
  if (error) co_return fail(from_asio(error));
  boost::system::error_code gone;
  auto remote = from_asio(socket.remote_endpoint(gone));
  if (gone) co_return fail(Errc::stream_reset);
  auto state = std::make_unique<Socket::State>(std::move(socket));
  state->hurry();
  co_return Arrival{std::make_unique<Socket>(std::move(state)), remote};
}

void Listener::close() {
  boost::system::error_code ignored;
  state_->acceptor.close(ignored);
}

}  // namespace conclave::tcp
