#pragma once
/// One stream of an nQUIC connection. Internal to quic; others see io::Stream.
#include "transport/io/event.hpp"
#include "transport/io/stream.hpp"
#include "transport/quic/byte_queue.hpp"
#include "transport/quic/protocol_name.hpp"
#include "transport/quic/receive_window.hpp"

namespace conclave::quic {

class Session;

/// What session and handle share. The session owns the protocol's side, the handle (Stream, below) the
/// user's.
struct StreamState {
  StreamState(boost::asio::any_io_executor executor, io::Clock& clock, std::int64_t the_id)
      : id(the_id), readable(executor, clock), writable(std::move(executor), clock) {}

  std::int64_t id;
  ByteQueue outgoing;      ///< from the oldest unacknowledged byte on; the library points into it
  std::size_t handed = 0;  ///< of those, how many are on their way
  bool fin_wanted = false;
  bool fin_handed = false;
  bool queued = false;      ///< stands in the session's line of streams with something to send
  bool blocked = false;     ///< by the peer's window; back in the line when it opens
  bool write_dead = false;  ///< reset, by whichever side

  ReceiveWindow window;
  ByteQueue incoming;
  MutableBytes direct;  ///< a reader waits with this buffer: bytes go there without a stop
  std::size_t direct_filled = 0;
  bool fin_heard = false;
  bool reset_heard = false;

  std::optional<ProtocolNameReader> name;  ///< while the peer has not named the protocol
  bool gone = false;                       ///< closed in both directions, or the connection is over
  bool over = false;                       ///< the connection is over
  io::Event readable, writable;

  bool unsent() const { return handed < outgoing.size() || (fin_wanted && !fin_handed); }
  void hear(ByteView bytes);
  void end(bool connection_over);
};

class Stream final : public io::Stream {
 public:
  Stream(std::shared_ptr<Session> session, std::shared_ptr<StreamState> state)
      : session_(std::move(session)), state_(std::move(state)) {}
  ~Stream() override;
  boost::asio::awaitable<Result<std::size_t>> read_some(MutableBytes into) override;
  boost::asio::awaitable<Result<>> write_all(ByteView bytes) override;
  boost::asio::awaitable<Result<>> close_write() override;
  void reset() override;

 private:
  std::shared_ptr<Session> session_;
  std::shared_ptr<StreamState> state_;
};

}  // namespace conclave::quic
