#pragma once
/// TCP sockets as byte pipes. A socket may carry libp2p's stack directly or inside WebSocket (RFC 6455), and one
/// listening port serves both: the first byte of libp2p is 0x13 (the length of "/multistream/1.0.0\n"), of HTTP a
/// letter.
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include "transport/io/clock.hpp"
#include "transport/io/connection.hpp"

namespace conclave::tcp {

/// A connected socket. Errors of the system become Errc::end_of_stream, stream_reset or closed.
class Socket final : public io::Stream {
 public:
  struct State;
  explicit Socket(std::unique_ptr<State> state);
  ~Socket() override;

  /// Fails with Errc::timed_out, or the system's error.
  static boost::asio::awaitable<Result<std::unique_ptr<Socket>>> connect(io::Endpoint to, io::Clock& clock,
                                                                         TimePoint deadline);

  boost::asio::awaitable<Result<std::size_t>> read_some(MutableBytes into) override;
  boost::asio::awaitable<Result<>> write_all(ByteView bytes) override;
  boost::asio::awaitable<Result<>> close_write() override;
  void reset() override;

  /// The first byte that the peer sends; it stays to be read.
  boost::asio::awaitable<Result<Byte>> peek();

  /// For a protocol that brings its own socket class: the descriptor, whose owner the caller becomes. This object then
  /// is as if reset.
  struct Bare {
    boost::asio::any_io_executor executor;
    int descriptor;
    bool v6;
  };
  Bare release();

 private:
  std::unique_ptr<State> state_;
};

/// A listening socket.
class Listener {
 public:
  /// `at` with port 0 picks one. Fails with the system's error.
  static Result<std::unique_ptr<Listener>> open(boost::asio::any_io_executor executor, const io::Endpoint& at);
  ~Listener();
  const io::Endpoint& local() const { return local_; }

  struct Arrival {
    std::unique_ptr<Socket> socket;
    io::Endpoint remote;
  };
  /// Fails with Errc::closed after `close`, with the system's error otherwise (out of descriptors: wait, then go on).
  boost::asio::awaitable<Result<Arrival>> accept();
  void close();

 private:
  struct State;
  explicit Listener(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
  io::Endpoint local_;
};

/// The WebSocket handshake over a connected socket; afterwards binary messages carry the bytes, whatever their cut.
/// Fail with Errc::timed_out, Errc::malformed (not a WebSocket upgrade) or the socket's errors.
boost::asio::awaitable<Result<std::unique_ptr<io::Stream>>> websocket_client(std::unique_ptr<Socket> socket,
                                                                             io::Endpoint to, io::Clock& clock,
                                                                             TimePoint deadline);
boost::asio::awaitable<Result<std::unique_ptr<io::Stream>>> websocket_server(std::unique_ptr<Socket> socket,
                                                                             io::Clock& clock, TimePoint deadline);

}  // namespace conclave::tcp
