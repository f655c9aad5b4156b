#include "transport/quic/stream.hpp"

#include "transport/quic/session.hpp"

namespace conclave::quic {
namespace asio = boost::asio;
namespace {

/// A waiting writer looks at least this often whether the peer has stopped reading: the library tells us at
/// the next write only.
constexpr Duration stopped_check = std::chrono::seconds(1);
/// Why a stream that is no more cannot be used.
Errc why(const StreamState& state) { return state.over ? Errc::closed : Errc::stream_reset; }

}  // namespace

void StreamState::hear(ByteView bytes) {
  if (incoming.empty() && direct_filled < direct.size()) {
    auto piece = bytes.first(std::min(bytes.size(), direct.size() - direct_filled));
    std::memcpy(direct.data() + direct_filled, piece.data(), piece.size());
    direct_filled += piece.size();
    bytes = bytes.subspan(piece.size());
  }
  if (!bytes.empty()) incoming.push(bytes);
}

void StreamState::end(bool connection_over) {
  gone = true;
  over = over || connection_over;
  outgoing.clear();
  handed = 0;
  readable.ring();
  writable.ring();
}

Stream::~Stream() { session_->abandon(*state_); }

asio::awaitable<Result<std::size_t>> Stream::read_some(MutableBytes into) {
  auto session = session_;
  auto state = state_;
  while (true) {
    if (auto size = state->incoming.pop(into)) {
      session->credit(*state, size);
      co_return size;
    }
    if (state->reset_heard) co_return fail(Errc::stream_reset);
    if (state->fin_heard) co_return fail(Errc::end_of_stream);
    if (state->gone) co_return fail(why(*state));
    bool rung = false;
    std::size_t filled = 0;
    {
      // The buffer belongs to the caller: whatever ends this coroutine takes it back.
      struct Lend {
        StreamState& state;
        Lend(StreamState& the_state, MutableBytes buffer) : state(the_state) {
          state.direct = buffer;
          state.direct_filled = 0;
        }
        ~Lend() { state.direct = {}; }
      } lend(*state, into);
      rung = co_await state->readable.wait();
      filled = state->direct_filled;
    }
    if (filled > 0) {
      session->credit(*state, filled);
      co_return filled;
    }
    if (!rung) co_return fail(Errc::closed);  // cancelled
  }
}

asio::awaitable<Result<>> Stream::write_all(ByteView bytes) {
  auto session = session_;
  auto state = state_;
  while (true) {
    if (state->gone || state->write_dead || state->fin_wanted) co_return fail(why(*state));
    auto room = session->room(*state);
    auto piece = bytes.first(std::min(bytes.size(), room));
    state->outgoing.push(piece);
    bytes = bytes.subspan(piece.size());
    if (!piece.empty()) session->want_to_send(*state);
    if (bytes.empty()) co_return Result<>();
    auto deadline = session->now() + stopped_check;
    if (co_await state->writable.wait_until(deadline)) continue;
    if (session->now() < deadline) co_return fail(Errc::closed);  // cancelled
    session->want_to_send(*state);
  }
}

asio::awaitable<Result<>> Stream::close_write() {
  if (state_->gone || state_->write_dead) co_return fail(why(*state_));
  if (!state_->fin_wanted) {
    state_->fin_wanted = true;
    session_->want_to_send(*state_);
  }
  co_return Result<>();
}

void Stream::reset() { session_->reset(*state_); }

}  // namespace conclave::quic
