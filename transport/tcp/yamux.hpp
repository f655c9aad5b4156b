#pragma once
/// /yamux/1.0.0: many streams over one ordered pipe. Sans-IO: bytes and times in; bytes, events and a deadline out.
///
/// Spec: libp2p/specs, yamux/README.md; hashicorp/yamux, spec.md. The dialler's streams have odd numbers, the
/// listener's even ones. A stream may carry data before the peer acknowledges it. Each direction of a stream starts
/// with 256 KiB of credit and is given more as the reader reads.
///
/// Memory: what waits to be sent is lent, not copied (`lend`), so sending costs none. What was received and not
/// read is bounded for each stream by its window and for the session by `unread_max`: above that, the stream that
/// holds most is reset. Control frames that a peer can make us owe (pings, refusals) are bounded by `owed_max`; a
/// peer that makes us owe more without reading is cut off.
#include <deque>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "crypto/time.hpp"
#include "transport/tcp/yamux_frame.hpp"
#include "transport/wire/byte_queue.hpp"

namespace conclave::tcp {

struct YamuxLimits {
  std::size_t inbound_max = 256;    ///< streams the peer may have open at once: the specification's backlog
  std::size_t outbound_max = 1024;  ///< streams we may have open at once
  std::size_t unacknowledged_max = 256;  ///< of these, not yet acknowledged: what others accept
  std::uint32_t window_max = 8u << 20;   ///< of one stream: 500 Mbit/s over 120 ms
  std::size_t growth_max = 32u << 20;    ///< sum over all streams of what windows have beyond 256 KiB
  std::size_t unread_max = 32u << 20;    ///< received and not yet read, whole session
  std::size_t owed_max = 256;            ///< control frames owed to the peer
  std::size_t lingering_max = 256;       ///< released streams that wait for the peer's end; then the oldest is reset
  std::size_t discard_max = 16 * 1024;   ///< bytes thrown away on such a stream; more reset it
  Duration ping_interval = std::chrono::seconds(60);
  Duration ping_patience = std::chrono::seconds(30);  ///< no answer to a ping for this long: the peer is gone
};

class Yamux {
 public:
  enum class Role : Byte { dialler, listener };
  static constexpr std::uint32_t window_initial = 256 * 1024;

  /// What the owner should look at again.
  struct Event {
    enum class What : Byte {
      opened,    ///< the peer opened this stream
      readable,  ///< there is something to read: bytes, the end, or a reset
      drained,   ///< nothing is lent any more: all of it was taken, or the stream was reset
    };
    What what;
    YamuxId stream;
    bool operator==(const Event&) const = default;
  };

  Yamux(Role role, const YamuxLimits& limits, TimePoint now);

  /// Bytes from the peer, in any pieces. Fails for good, and the owner ends the connection after it has sent what
  /// `produce` still gives: Errc::malformed or unsupported (not yamux), limit_reached (credit overrun, too many
  /// frames owed).
  Result<> receive(ByteView bytes, TimePoint now);
  /// Fills `out` with as many frames as fit and are due; returns their size.
  std::size_t produce(MutableBytes out, TimePoint now);
  /// Whether `produce` has something to say.
  bool pending() const { return !owed_.empty() || !turns_.empty(); }
  TimePoint deadline() const;
  /// At or after `deadline()`. Fails with Errc::timed_out: the peer did not answer a ping.
  Result<> expire(TimePoint now);
  std::vector<Event> take_events() { return std::exchange(events_, {}); }
  bool has_events() const { return !events_.empty(); }
  /// Of pings; zero until the first answer.
  Duration smoothed_rtt() const { return rtt_; }

  /// Fails with Errc::limit_reached, or Errc::closed after a go-away of either side.
  Result<YamuxId> open();
  /// `bytes` stay where they are until `drained`, `take_back`, `reset` or `release`. Several may be lent at once.
  void lend(YamuxId stream, ByteView bytes);
  /// What was not taken of them is not sent: the stream has a hole, and nothing more may be written.
  void take_back(YamuxId stream);
  std::size_t lent(YamuxId stream) const;
  /// The end of our direction, after everything lent.
  void finish(YamuxId stream);
  /// Both directions end; what is lent is given back at once.
  void reset(YamuxId stream);
  /// The owner has no more use for the stream. One that neither ended by itself nor was finished is reset. One that
  /// we finished lingers until the peer finishes too, because a reset now might overtake in the peer's hands what we
  /// wrote; what still comes is thrown away, up to `discard_max`.
  void release(YamuxId stream);

  /// Errc::end_of_stream once the peer finished and all was read, Errc::stream_reset, Errc::closed (unknown); success
  /// otherwise, also while there is nothing to read.
  Result<> status(YamuxId stream) const;
  ByteView unread(YamuxId stream) const;
  /// Takes bytes from the front of `unread`, which earns the peer new credit.
  void consume(YamuxId stream, std::size_t count, TimePoint now);
  bool write_ended(YamuxId stream) const;  ///< finished, reset or unknown

  /// No new streams from here on; says so to the peer.
  void go_away(YamuxHeader::Reason reason);
  bool peer_goes_away() const { return peer_goes_away_; }
  std::size_t stream_count() const { return streams_.size(); }
  std::size_t unread_total() const { return unread_total_; }

 private:
  struct Stream {
    // Ours to send.
    std::deque<ByteView> lent;
    std::size_t lent_size = 0;
    std::uint32_t credit = window_initial;
    std::uint32_t grant_due = 0;
    std::uint16_t flags_due = 0;  ///< SYN or ACK that goes with the next frame
    bool finishing = false;       ///< FIN after what is lent
    bool finished = false;        ///< FIN sent
    bool has_turn = false;        ///< stands in `turns_`
    // Theirs.
    wire::ByteQueue unread;
    std::uint32_t allowance = window_initial;  ///< bytes they may still send
    std::uint32_t window = window_initial;     ///< what allowance is topped up to
    TimePoint granted_at{};
    bool ended = false;  ///< they sent FIN
    bool broken = false;     ///< reset by either side
    bool released = false;
    std::size_t discarded = 0;  ///< since then
    bool acknowledged = false;
  };
  using Streams = std::map<YamuxId, Stream>;

  Result<> receive_header(const YamuxHeader& header, TimePoint now);
  Result<> receive_stream_frame(const YamuxHeader& header);
  Result<Stream*> stream_of(const YamuxHeader& header);
  Result<> accept_stream(YamuxId id);
  Result<> receive_ping(const YamuxHeader& header, TimePoint now);
  void receive_body(ByteView bytes);
  void end_body();
  Result<> owe(const YamuxHeader& header);
  void shed();
  void grant(Stream& stream, TimePoint now);

  bool ours(YamuxId id) const { return (id.raw() % 2 == 1) == (role_ == Role::dialler); }
  Stream* find(YamuxId id);
  const Stream* find(YamuxId id) const;
  bool wants(const Stream& stream) const;
  void take_turn(YamuxId id, Stream& stream);
  std::size_t serve(YamuxId id, Stream& stream, MutableBytes out);
  std::size_t put_data(YamuxId id, Stream& stream, MutableBytes out);
  void discard(YamuxId id, Stream& stream, std::size_t size);
  void break_stream(YamuxId id, Stream& stream);
  void forget_if_over(YamuxId id);

  Role role_;
  YamuxLimits limits_;
  Streams streams_;
  std::deque<YamuxId> turns_;         ///< streams with something to send, round robin
  std::deque<YamuxHeader> owed_;      ///< pings, refusals, resets, go-away
  std::deque<YamuxId> lingering_;     ///< released, waiting for the peer's end
  std::vector<Event> events_;
  std::uint32_t next_id_;
  std::size_t inbound_ = 0;
  std::size_t outbound_ = 0;
  std::size_t unacknowledged_ = 0;
  std::size_t unread_total_ = 0;
  std::size_t growth_ = 0;
  bool going_away_ = false;
  bool peer_goes_away_ = false;

  // The frame under way.
  std::array<Byte, YamuxHeader::size> header_{};
  std::size_t header_size_ = 0;
  std::uint32_t body_left_ = 0;
  YamuxId body_stream_;
  bool body_ends_ = false;

  // Pings of ours, one at a time.
  std::uint32_t ping_value_ = 0;
  bool ping_owed_ = false;
  std::optional<TimePoint> pinged_at_;
  TimePoint next_ping_;
  Duration rtt_{};
};

}  // namespace conclave::tcp
