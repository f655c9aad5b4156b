#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/websocket/rfc6455.hpp>
#include <boost/beast/websocket/stream.hpp>

#include "transport/io/completion.hpp"
#include "transport/tcp/deadline.hpp"
#include "transport/tcp/socket.hpp"

namespace conclave::tcp {
namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
namespace websocket = beast::websocket;
using asio::ip::tcp;
namespace {

using io::with_error;
/// Of an upgrade request: browsers send less than a kilobyte.
constexpr std::uint32_t request_max = 8 * 1024;

Error from_beast(const boost::system::error_code& error) {
  if (error == websocket::error::closed || error == asio::error::eof) return Errc::end_of_stream;
  if (error == asio::error::connection_reset || error == asio::error::broken_pipe) return Errc::stream_reset;
  if (error == asio::error::operation_aborted || error == asio::error::bad_descriptor) return Errc::closed;
  return Errc::malformed;
}

/// Binary messages as a stream of bytes: a message's borders mean nothing.
class WebSocket final : public io::Stream {
 public:
  explicit WebSocket(const Socket::Bare& bare) : stream_(tcp::socket(bare.executor)) {
    boost::system::error_code ignored;
    stream_.next_layer().assign(bare.v6 ? tcp::v6() : tcp::v4(), bare.descriptor, ignored);
    stream_.binary(true);
    stream_.auto_fragment(false);
    stream_.write_buffer_bytes(64 * 1024);
    // Nothing is gathered until a message ends, so that its length is nobody's concern.
    stream_.read_message_max(0);
  }

  asio::awaitable<Result<>> greet_as_client(io::Endpoint to) {
    auto [error] = co_await stream_.async_handshake(to.text(), "/", with_error);
    if (error) co_return fail(from_beast(error));
    co_return Result<>();
  }

  asio::awaitable<Result<>> greet_as_server() {
    beast::flat_buffer buffer(request_max);
    http::request_parser<http::empty_body> parser;
    parser.header_limit(request_max);
    auto [unread, size] = co_await http::async_read(stream_.next_layer(), buffer, parser, with_error);
    if (unread) co_return fail(from_beast(unread));
    // Frames cannot follow before our answer: the client needs it to know that we are a WebSocket.
    if (!websocket::is_upgrade(parser.get()) || buffer.size() > 0) co_return fail(Errc::malformed);
    auto request = parser.release();
    auto [error] = co_await stream_.async_accept(request, with_error);
    if (error) co_return fail(from_beast(error));
    co_return Result<>();
  }

  asio::awaitable<Result<std::size_t>> read_some(MutableBytes into) override {
    for (;;) {
      auto [error, size] = co_await stream_.async_read_some(asio::buffer(into.data(), into.size()), with_error);
      if (error) co_return fail(from_beast(error));
      if (size > 0) co_return size;  // otherwise the end of a message
    }
  }

  asio::awaitable<Result<>> write_all(ByteView bytes) override {
    auto [error, size] = co_await stream_.async_write(asio::buffer(bytes.data(), bytes.size()), with_error);
    if (error) co_return fail(from_beast(error));
    co_return Result<>();
  }

  /// WebSocket has no half-close: both directions end, what is under way still arrives.
  asio::awaitable<Result<>> close_write() override {
    auto [error] = co_await stream_.async_close(websocket::close_code::normal, with_error);
    if (error) co_return fail(from_beast(error));
    co_return Result<>();
  }

  void reset() override {
    boost::system::error_code ignored;
    stream_.next_layer().close(ignored);
  }

 private:
  websocket::stream<tcp::socket> stream_;
};

}  // namespace

asio::awaitable<Result<std::unique_ptr<io::Stream>>> websocket_client(std::unique_ptr<Socket> socket,
                                                                      io::Endpoint to, io::Clock& clock,
                                                                      TimePoint deadline) {
  auto out = std::make_unique<WebSocket>(socket->release());
  PipeDeadline limit(clock, deadline, *out);
  auto greeted = co_await out->greet_as_client(to);
  if (limit.passed()) co_return fail(Errc::timed_out);
  if (!greeted) co_return fail(greeted.error());
  co_return out;
}

asio::awaitable<Result<std::unique_ptr<io::Stream>>> websocket_server(std::unique_ptr<Socket> socket,
                                                                      io::Clock& clock, TimePoint deadline) {
  auto out = std::make_unique<WebSocket>(socket->release());
  PipeDeadline limit(clock, deadline, *out);
  auto greeted = co_await out->greet_as_server();
  if (limit.passed()) co_return fail(Errc::timed_out);
  if (!greeted) co_return fail(greeted.error());
  co_return out;
}

}  // namespace conclave::tcp
