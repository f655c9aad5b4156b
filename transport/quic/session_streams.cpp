// Streams and datagrams of a session: RFC 9000 2 and RFC 9221.
#include "transport/quic/session.hpp"

namespace conclave::quic {
namespace asio = boost::asio;
namespace {
constexpr std::uint64_t given_up = 1;      ///< application error: the stream was reset or dropped
constexpr std::uint64_t bad_protocol = 2;  ///< application error: no protocol name in the first bytes
}  // namespace

std::shared_ptr<StreamState> Session::add_stream(std::int64_t id) {
  auto state = std::make_shared<StreamState>(board_->executor, board_->clock, id);
  state->window = ReceiveWindow(board_->settings.window_initial);
  ngtcp2_conn_set_stream_user_data(library_, id, state.get());
  streams_.emplace(id, state);
  return state;
}

asio::awaitable<Result<std::shared_ptr<StreamState>>> Session::open_stream(std::string protocol) {
  auto self = shared_from_this();
  if (protocol.empty() || protocol.size() > protocol_name_max) co_return fail(Errc::too_long);
  std::int64_t id = 0;
  while (true) {
    if (!library_) co_return fail(Errc::closed);
    auto status = ngtcp2_conn_open_bidi_stream(library_, &id, nullptr);
    if (status == 0) break;
    if (status != NGTCP2_ERR_STREAM_ID_BLOCKED) co_return fail(Errc::refused);
    auto event = std::make_shared<io::Event>(board_->executor, board_->clock);
    waiting_.push_back(event);
    if (!co_await event->wait()) {
      std::erase(waiting_, event);
      co_return fail(Errc::closed);
    }
  }
  auto state = add_stream(id);
  state->outgoing.push(encode_protocol_name(protocol));
  want_to_send(*state);
  co_return state;
}

asio::awaitable<Result<std::pair<std::string, std::shared_ptr<StreamState>>>> Session::accept_stream() {
  auto self = shared_from_this();
  while (incoming_.empty()) {
    if (ended_) co_return fail(Errc::closed);
    if (!co_await incoming_event_.wait()) co_return fail(Errc::closed);
  }
  auto out = std::move(incoming_.front());
  incoming_.pop_front();
  co_return out;
}

void Session::hear_stream(StreamState& stream, ByteView bytes, bool fin) {
  if (stream.name) {
    auto before = bytes.size();
    auto name = stream.name->feed(bytes);
    auto taken = before - bytes.size();
    ngtcp2_conn_extend_max_stream_offset(library_, stream.id, taken);
    ngtcp2_conn_extend_max_offset(library_, taken);
    if (!name || (!*name && fin)) {
      ngtcp2_conn_extend_max_offset(library_, bytes.size());
      ngtcp2_conn_shutdown_stream(library_, stream.id, bad_protocol);
      stream.write_dead = stream.reset_heard = true;
      return;
    }
    if (!*name) return;
    stream.name.reset();
    incoming_.emplace_back(std::move(**name), streams_.at(stream.id));
    incoming_event_.ring();
  }
  if (stream.reset_heard) {
    ngtcp2_conn_extend_max_offset(library_, bytes.size());
    return;
  }
  stream.hear(bytes);
  stream.fin_heard = stream.fin_heard || fin;
  stream.readable.ring();
}

std::size_t Session::room(const StreamState& stream) const {
  auto left = [](std::size_t limit, std::size_t used) { return used < limit ? limit - used : 0; };
  return std::min(left(send_window_, stream.outgoing.size()),
                  left(unsent_max_, stream.outgoing.size() - stream.handed));
}

void Session::want_to_send(StreamState& stream) {
  if (!library_) return;
  if (!stream.queued && !stream.blocked) {
    stream.queued = true;
    line_.push_back(&stream);
  }
  flush_soon();
}

void Session::credit(StreamState& stream, std::size_t bytes) {
  if (!library_) return;
  auto time = now();
  auto rtt = smoothed_rtt();
  auto most = board_->settings.window_max;
  if (!stream.gone)
    ngtcp2_conn_extend_max_stream_offset(library_, stream.id,
                                         bytes + stream.window.grow(bytes, rtt, time, most));
  ngtcp2_conn_extend_max_offset(library_, bytes + window_.grow(bytes, rtt, time, 3 * most));
  flush_soon();
}

void Session::reset(StreamState& stream) {
  if (stream.gone || !library_) return;
  credit(stream, stream.incoming.size());
  stream.incoming.clear();
  stream.write_dead = stream.reset_heard = true;
  ngtcp2_conn_shutdown_stream(library_, stream.id, given_up);
  stream.readable.ring();
  stream.writable.ring();
  flush_soon();
}

void Session::abandon(StreamState& stream) {
  if (!library_) return;
  if (auto unread = stream.incoming.size()) {
    ngtcp2_conn_extend_max_offset(library_, unread);
    stream.incoming.clear();
  }
  if (stream.gone) return;
  if (!stream.fin_wanted && !stream.write_dead) return reset(stream);
  if (!stream.fin_heard && !stream.reset_heard) {
    stream.reset_heard = true;
    ngtcp2_conn_shutdown_stream_read(library_, stream.id, given_up);
    flush_soon();
  }
}

bool Session::send_datagram(ByteView bytes) {
  packet_room_ = packet_most;  // who sends datagrams wants to know how long they may be
  if (!library_ || !established_ || bytes.size() > datagram_max()) return false;
  if (datagram_bytes_.size() - datagram_bytes_sent_ + bytes.size() > board_->settings.datagram_queue)
    return false;
  append(datagram_bytes_, bytes);
  datagram_sizes_.push_back(static_cast<std::uint16_t>(bytes.size()));
  flush_soon();
  return true;
}

asio::awaitable<Result<Bytes>> Session::receive_datagram() {
  auto self = shared_from_this();
  while (datagrams_.empty()) {
    if (ended_) co_return fail(Errc::closed);
    if (!co_await datagram_event_.wait()) co_return fail(Errc::closed);
  }
  auto out = std::move(datagrams_.front());
  datagrams_.pop_front();
  co_return out;
}

}  // namespace conclave::quic
