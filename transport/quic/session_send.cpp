// How a session's packets leave: in batches that one system call sends, paced by the congestion controller.
#include "transport/io/udp_packets.hpp"
#include "transport/quic/session.hpp"

#include <boost/asio/post.hpp>

namespace conclave::quic {
namespace asio = boost::asio;
namespace {
constexpr double burst_ns = 250'000;  ///< the library's pacing rate is in bytes per nanosecond
constexpr std::size_t burst_max = 256 * 1024;
constexpr Duration timer_grain = std::chrono::microseconds(200);
constexpr Duration overdue_pause = std::chrono::milliseconds(1);
constexpr Duration window_watch = std::chrono::milliseconds(5);

bool is_initial(Byte first) { return (first & 0xf0) == 0xc0; }
}  // namespace

void Session::flush_soon() {
  if (flush_planned_ || !library_) return;
  flush_planned_ = true;
  asio::post(board_->executor, [self = shared_from_this()] {
    self->flush_planned_ = false;
    self->flush();
  });
}

void Session::flush() {
  if (!library_ || !board_->socket || socket_full_) return;
  auto self = shared_from_this();
  auto time = now();
  auto at = stamp_at(time);
  if (established_ && ngtcp2_conn_get_expiry(library_) <= at) {
    if (auto status = ngtcp2_conn_handle_expiry(library_, at)) return after_library(status, time);
  }
  watch_window(time);
  PathStorage next_path, batch_path;
  ngtcp2_pkt_info info{};
  Byte* batch = board_->batch();
  std::size_t used = 0, segment = 0, sent = 0;
  const std::size_t quantum = established_
                                  ? std::max({ngtcp2_conn_get_send_quantum(library_), packet_room_, burst_})
                                  : Switchboard::batch_max;
  auto leave = [&] {
    if (used > 0) send_batch({batch, used}, segment, batch_path.path);
    used = 0;
  };
  while (sent < quantum && !socket_full_) {
    auto written = write_packet(batch + used, &next_path.path, &info, at);
    if (written < 0) {
      leave();
      return after_library(static_cast<int>(written), time);
    }
    if (written == 0) break;
    auto size = static_cast<std::size_t>(written);
    if (is_initial(batch[used])) ++initials_sent_;
    if (confirmed_ && size == packet_least) packet_room_ = packet_most;
    // One batch is one path and one size; only its last packet may be shorter.
    if (used > 0 && (size > segment || !ngtcp2_path_eq(&next_path.path, &batch_path.path))) {
      auto packet = batch + used;
      leave();
      std::memmove(batch, packet, size);
    }
    if (used == 0) {
      segment = size;
      ngtcp2_path_copy(&batch_path.path, &next_path.path);
    }
    used += size;
    sent += size;
    if (size < segment || used + packet_most > Switchboard::batch_max) leave();
  }
  leave();
  if (fell_back_) follow_path(time);
  forget_former_paths(time);
  // The library's expiry is also when the pacer lets the next packet go, though there may be none. Where all has gone
  // that there was, or that the window took, the pause that begins now is nothing to wake up for: who writes during it
  // comes back here, is not allowed to send, and finds it among the timers.
  const auto other_timers = ngtcp2_conn_get_expiry(library_);
  // Before the handshake has measured the round trip, pacing assumes a slow one and would delay the first
  // flight.
  if (sent > 0 && established_) ngtcp2_conn_update_pkt_tx_time(library_, at);
  expiry_ = sent >= quantum ? ngtcp2_conn_get_expiry(library_) : other_timers;
  arm();
  if (sent >= quantum && ngtcp2_conn_get_expiry(library_) <= at) flush_soon();
  // A dialler's library finds only when it writes that the handshake is complete.
  if (established_ && !announced_) after_library(0, time);
}

bool Session::send_batch(ByteView bytes, std::size_t segment, const ngtcp2_path& path) {
  sockaddr_storage remote{}, local{};
  std::memcpy(&remote, path.remote.addr, path.remote.addrlen);
  std::memcpy(&local, path.local.addr, path.local.addrlen);
  std::optional<io::IpAddress> from;
  if (!dialled_) from = io::from_sockaddr(local).ip;
  if (from && from->unspecified()) from.reset();
  if (board_->socket->send(io::from_sockaddr(remote), bytes, segment, from)) return true;
  socket_full_ = true;
  board_->socket->when_sendable([weak = weak_from_this()] {
    if (auto self = weak.lock()) {
      self->socket_full_ = false;
      self->flush();
    }
  });
  return false;
}

ngtcp2_ssize Session::write_packet(Byte* into, ngtcp2_path* path, ngtcp2_pkt_info* info, ngtcp2_tstamp at) {
  // Once a call has said "more", the library insists on the same packet until it is full or closed with
  // stream -1.
  while (established_ && datagrams_sent_ < datagram_sizes_.size()) {
    ngtcp2_vec piece{datagram_bytes_.data() + datagram_bytes_sent_, datagram_sizes_[datagrams_sent_]};
    int accepted = 0;
    auto status = ngtcp2_conn_writev_datagram(library_, path, info, into, packet_room_, &accepted,
                                              NGTCP2_WRITE_DATAGRAM_FLAG_MORE, 0, &piece, 1, at);
    bool unwanted = status == NGTCP2_ERR_INVALID_ARGUMENT || status == NGTCP2_ERR_INVALID_STATE;
    if (accepted || unwanted) {
      datagram_bytes_sent_ += piece.len;
      if (++datagrams_sent_ == datagram_sizes_.size()) {
        datagram_sizes_.clear();
        datagram_bytes_.clear();
        datagrams_sent_ = datagram_bytes_sent_ = 0;
      }
    }
    if (status == NGTCP2_ERR_WRITE_MORE || unwanted) continue;
    return status;
  }
  while (!line_.empty()) {
    bool again = false;
    auto status = write_from_stream(into, path, info, at, again);
    if (!again) return status;
  }
  return ngtcp2_conn_writev_stream(library_, path, info, into, packet_room_, nullptr,
                                   NGTCP2_WRITE_STREAM_FLAG_NONE, -1, nullptr, 0, at);
}

/// Sends from the stream at the head of the line, which then goes to its end: every stream gets a packet in
/// turn.
ngtcp2_ssize Session::write_from_stream(Byte* into, ngtcp2_path* path, ngtcp2_pkt_info* info,
                                        ngtcp2_tstamp at, bool& again) {
  auto& stream = *line_.front();
  std::array<ByteView, 3> pieces;
  auto count = stream.outgoing.gather(stream.handed, packet_room_, pieces);
  std::array<ngtcp2_vec, 3> vectors;
  std::size_t offered = 0;
  for (std::size_t i = 0; i < count; ++i) {
    vectors[i] = {const_cast<Byte*>(pieces[i].data()), pieces[i].size()};
    offered += pieces[i].size();
  }
  std::uint32_t flags = NGTCP2_WRITE_STREAM_FLAG_MORE;
  if (stream.fin_wanted && stream.handed + offered == stream.outgoing.size())
    flags |= NGTCP2_WRITE_STREAM_FLAG_FIN;
  ngtcp2_ssize taken = -1;
  auto status = ngtcp2_conn_writev_stream(library_, path, info, into, packet_room_, &taken, flags, stream.id,
                                          vectors.data(), count, at);
  if (taken >= 0) {
    stream.handed += static_cast<std::size_t>(taken);
    if (stream.outgoing.size() - stream.handed < unsent_max_ / 2) stream.writable.ring();
    if ((flags & NGTCP2_WRITE_STREAM_FLAG_FIN) && static_cast<std::size_t>(taken) == offered)
      stream.fin_handed = true;
  }
  bool dead = status == NGTCP2_ERR_STREAM_NOT_FOUND || status == NGTCP2_ERR_STREAM_SHUT_WR;
  bool blocked = status == NGTCP2_ERR_STREAM_DATA_BLOCKED;
  if (blocked && ngtcp2_conn_get_max_data_left(library_) == 0) {
    // The connection's window is shut, not the stream's: everybody waits for the peer, in line.
    return ngtcp2_conn_writev_stream(library_, path, info, into, packet_room_, nullptr,
                                     NGTCP2_WRITE_STREAM_FLAG_NONE, -1, nullptr, 0, at);
  }
  if (dead) {
    stream.write_dead = true;
    stream.writable.ring();
  }
  if (dead || blocked || !stream.unsent()) {
    stream.queued = false;
    stream.blocked = blocked;
    line_.pop_front();
  } else if (status > 0 && line_.size() > 1) {
    line_.pop_front();
    line_.push_back(&stream);
  }
  again = dead || blocked || status == NGTCP2_ERR_WRITE_MORE;
  return status;
}

/// What waits to be sent is kept to what the path can have in flight: less would leave the line idle, more
/// only costs cache. What was sent and waits for an acknowledgement may be eight times that, because nothing
/// behind a lost packet can be let go before its repair has arrived. And a fast path gets more at a time than
/// the library's 64 KiB: a quarter of a millisecond's worth, because each pause costs a timer and a wake-up.
void Session::watch_window(TimePoint time) {
  if (time - window_seen_ < window_watch) return;
  window_seen_ = time;
  ngtcp2_conn_stat stat;
  ngtcp2_conn_get_conn_stat(library_, &stat);
  send_window_ =
      std::clamp<std::size_t>(static_cast<std::size_t>(8 * stat.cwnd), send_window_min, send_window_max);
  unsent_max_ = std::clamp<std::size_t>(static_cast<std::size_t>(stat.cwnd), unsent_min, send_window_max);
  burst_ = std::min(static_cast<std::size_t>(stat.pacing_rate * burst_ns), burst_max);
}

void Session::arm() {
  if (expiry_ == UINT64_MAX) return;
  // Some timers of the library stay in the past when it has nothing to send for them (a change of path does
  // it): asking again and again would burn a core, and the peer could cause it.
  auto when = time_of(expiry_);
  if (when <= last_time_) when = last_time_ + overdue_pause;
  // Acknowledgements drive a fast path; the timer only has to be there when they stop.
  when = std::max(when, last_time_ + timer_grain);
  // An alarm that comes too early only looks at the clock; moving it with every packet would cost more.
  if (alarm_ && alarm_at_ <= when) return;
  if (alarm_) board_->clock.cancel(*alarm_);
  alarm_at_ = when;
  alarm_ = board_->clock.at(when, [weak = weak_from_this()] {
    if (auto self = weak.lock()) self->on_alarm();
  });
}

void Session::on_alarm() {
  alarm_.reset();
  alarm_at_ = TimePoint::max();
  if (!library_) return;
  auto self = shared_from_this();
  auto time = now();
  if (expiry_ > stamp_at(time)) return arm();
  auto status = ngtcp2_conn_handle_expiry(library_, stamp_at(time));
  after_library(status, time);
  if (library_) flush();
}

}  // namespace conclave::quic
