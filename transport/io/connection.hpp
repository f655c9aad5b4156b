#pragma once
/// An authenticated, encrypted connection to one node, with streams named by protocol. nQUIC and TCP look the
/// same above this line; nQUIC adds datagrams and exported keys.
#include <boost/asio/awaitable.hpp>
#include <memory>
#include <optional>

#include "crypto/keys.hpp"
#include "crypto/time.hpp"
#include "transport/io/endpoint.hpp"
#include "transport/io/stream.hpp"

namespace conclave::io {

class Connection {
 public:
  enum class Kind : Byte { nquic, tcp, websocket, relayed };
  struct Incoming {
    std::string protocol;  ///< "/conclave/chat/1"
    std::unique_ptr<Stream> stream;
  };
  virtual ~Connection() = default;

  /// Who is at the other end: proven by the handshake.
  virtual const NodeKey& peer() const = 0;
  virtual Kind kind() const = 0;
  virtual Endpoint remote() const = 0;
  virtual bool dialled_by_us() const = 0;
  virtual Duration smoothed_rtt() const = 0;

  /// Opens a stream and names its protocol (at most 64 bytes). The name travels with the first data: no round
  /// trip is spent. A peer that does not speak it resets the stream.
  virtual boost::asio::awaitable<Result<std::unique_ptr<Stream>>> open(std::string protocol) = 0;
  /// The next stream the peer opened; Errc::closed when the connection is over.
  virtual boost::asio::awaitable<Result<Incoming>> accept() = 0;

  /// Unreliable, unordered, at most `datagram_max()` bytes; 0 where the transport has none.
  virtual std::size_t datagram_max() const = 0;
  virtual bool send_datagram(ByteView bytes) = 0;
  virtual boost::asio::awaitable<Result<Bytes>> receive_datagram() = 0;

  /// Key material that both ends share and nobody else has, separated by `label` (nQUIC only).
  virtual Result<Secret<32>> export_secret(std::string_view label) const = 0;

  /// Ends the connection and all of its streams; idempotent.
  virtual void close() = 0;
  virtual bool closed() const = 0;
  /// Returns when the connection is over, by whichever side.
  virtual boost::asio::awaitable<void> wait_closed() = 0;
};

}  // namespace conclave::io
