#pragma once
/// A reliable, ordered stream of bytes in both directions: nQUIC, yamux, TCP and WebSocket all look like this.
#include <boost/asio/awaitable.hpp>

#include "crypto/bytes.hpp"

namespace conclave::io {

class Stream {
 public:
  virtual ~Stream() = default;  ///< resets what was not closed

  /// At least one byte, or why not: Errc::end_of_stream once the peer has finished and everything was
  /// read, Errc::stream_reset, Errc::closed.
  virtual boost::asio::awaitable<Result<std::size_t>> read_some(MutableBytes into) = 0;
  /// Returns when all is handed to the transport's window; that is flow control, not an acknowledgement.
  virtual boost::asio::awaitable<Result<>> write_all(ByteView bytes) = 0;
  /// Half-close: the peer reads what was written, then eof. Reading goes on.
  virtual boost::asio::awaitable<Result<>> close_write() = 0;
  /// Both directions end now; what is under way may be lost.
  virtual void reset() = 0;
};

/// Fills `into`, or fails: Errc::end_of_stream if it ended before the first byte, Errc::malformed if it
/// ended later.
boost::asio::awaitable<Result<>> read_exactly(Stream& stream, MutableBytes into);

}  // namespace conclave::io
