#include "transport/tcp/yamux.hpp"

#include "crypto/ensure.hpp"

namespace conclave::tcp {
namespace {

using Type = YamuxHeader::Type;
constexpr std::size_t header_size = YamuxHeader::size;
/// The least room in which `serve` makes progress: a header for credit, and one for data with a byte of it.
constexpr std::size_t room_min = 2 * header_size + 1;

std::size_t put(MutableBytes out, const YamuxHeader& header) {
  auto bytes = encode(header);
  std::copy(bytes.begin(), bytes.end(), out.begin());
  return bytes.size();
}

}  // namespace

Yamux::Yamux(Role role, const YamuxLimits& limits, TimePoint now)
    : role_(role), limits_(limits), next_id_(role == Role::dialler ? 1 : 2), next_ping_(now) {
  ensure(limits.window_max >= window_initial, "every window starts with 256 KiB");
}

Yamux::Stream* Yamux::find(YamuxId id) {
  auto found = streams_.find(id);
  return found == streams_.end() ? nullptr : &found->second;
}
const Yamux::Stream* Yamux::find(YamuxId id) const {
  auto found = streams_.find(id);
  return found == streams_.end() ? nullptr : &found->second;
}

// ---- What the peer says.

Result<> Yamux::receive(ByteView bytes, TimePoint now) {
  while (!bytes.empty()) {
    if (body_left_ > 0) {
      auto piece = bytes.first(std::min<std::size_t>(bytes.size(), body_left_));
      receive_body(piece);
      bytes = bytes.subspan(piece.size());
      continue;
    }
    auto piece = bytes.first(std::min(bytes.size(), header_size - header_size_));
    std::copy(piece.begin(), piece.end(), header_.begin() + static_cast<std::ptrdiff_t>(header_size_));
    header_size_ += piece.size();
    bytes = bytes.subspan(piece.size());
    if (header_size_ < header_size) break;
    header_size_ = 0;
    TRY(auto header, decode_yamux_header(header_));
    CHECK(receive_header(header, now));
  }
  return {};
}

Result<> Yamux::receive_header(const YamuxHeader& header, TimePoint now) {
  switch (header.type) {
    case Type::data:
    case Type::window_update:
      return receive_stream_frame(header);
    case Type::ping:
      return receive_ping(header, now);
    case Type::go_away:
      peer_goes_away_ = true;
      return {};
  }
  return fail(Errc::malformed);
}

Result<> Yamux::receive_stream_frame(const YamuxHeader& header) {
  const bool is_data = header.type == Type::data;
  TRY(auto* stream, stream_of(header));
  if (is_data) {
    // What comes for a stream that is gone crossed our reset on its way: it is skipped, within the largest window
    // that we may have granted.
    if (header.length > (stream ? stream->allowance : limits_.window_max)) return fail(Errc::limit_reached);
    body_left_ = header.length;
    // Number 0, which no stream has, for what is skipped: a stream that we open meanwhile must not inherit it.
    body_stream_ = stream ? header.stream : YamuxId();
    body_ends_ = header.has(YamuxHeader::fin);
  }
  if (!stream) return {};
  if (header.has(YamuxHeader::ack) && ours(header.stream) && !stream->acknowledged) {
    stream->acknowledged = true;
    --unacknowledged_;
  }
  if (header.has(YamuxHeader::rst)) {
    break_stream(header.stream, *stream);
    return {};
  }
  if (is_data) {
    if (header.length > 0 && stream->ended) return fail(Errc::malformed);  // data behind their FIN
    if (header.length == 0 && body_ends_) end_body();
    return {};
  }
  auto credit = std::uint64_t{stream->credit} + header.length;
  stream->credit = static_cast<std::uint32_t>(std::min<std::uint64_t>(credit, UINT32_MAX));
  take_turn(header.stream, *stream);
  if (header.has(YamuxHeader::fin)) {
    body_stream_ = header.stream;
    end_body();
  }
  return {};
}

/// The stream that a frame is about, opened if the frame says so; nothing where it is gone or refused.
Result<Yamux::Stream*> Yamux::stream_of(const YamuxHeader& header) {
  auto* stream = find(header.stream);
  if (!header.has(YamuxHeader::syn)) return stream;
  if (stream || ours(header.stream)) return fail(Errc::malformed);
  if (header.has(YamuxHeader::rst)) return nullptr;  // opened and given up at once
  CHECK(accept_stream(header.stream));
  return find(header.stream);
}

Result<> Yamux::accept_stream(YamuxId id) {
  // Somebody who opens streams without reading our refusals is not let pile them up.
  if (owed_.size() >= limits_.owed_max) return fail(Errc::limit_reached);
  if (inbound_ >= limits_.inbound_max || going_away_) {
    return owe({Type::window_update, YamuxHeader::rst, id, 0});
  }
  ++inbound_;
  auto& stream = streams_[id];
  stream.acknowledged = true;
  stream.flags_due = YamuxHeader::ack;
  take_turn(id, stream);
  events_.push_back({Event::What::opened, id});
  return {};
}

Result<> Yamux::receive_ping(const YamuxHeader& header, TimePoint now) {
  if (header.has(YamuxHeader::syn)) return owe({Type::ping, YamuxHeader::ack, {}, header.length});
  if (!pinged_at_ || header.length != ping_value_) return {};  // an answer to nothing
  auto sample = now - *pinged_at_;
  rtt_ = rtt_ == Duration::zero() ? sample : (rtt_ * 7 + sample) / 8;  // RFC 6298
  pinged_at_.reset();
  return {};
}

/// Frames that the peer makes us send are few as long as it reads.
Result<> Yamux::owe(const YamuxHeader& header) {
  if (owed_.size() >= limits_.owed_max) return fail(Errc::limit_reached);
  owed_.push_back(header);
  return {};
}

void Yamux::receive_body(ByteView bytes) {
  body_left_ -= static_cast<std::uint32_t>(bytes.size());
  auto* stream = find(body_stream_);
  // Byte by byte as they come, not with the header: credit granted in the middle of a frame must count its rest.
  if (stream) stream->allowance -= static_cast<std::uint32_t>(bytes.size());
  if (stream && stream->released) {
    discard(body_stream_, *stream, bytes.size());
  } else if (stream && !stream->broken) {
    stream->unread.push(bytes);
    unread_total_ += bytes.size();
    events_.push_back({Event::What::readable, body_stream_});
    if (unread_total_ > limits_.unread_max) shed();
  }
  if (body_left_ == 0 && body_ends_) end_body();
}

void Yamux::end_body() {
  body_ends_ = false;
  auto* stream = find(body_stream_);
  if (!stream || stream->broken) return;
  stream->ended = true;
  events_.push_back({Event::What::readable, body_stream_});
  forget_if_over(body_stream_);
}

/// Too much lies unread in all streams together: the one that holds most pays.
void Yamux::shed() {
  auto most = std::max_element(streams_.begin(), streams_.end(), [](const auto& a, const auto& b) {
    return a.second.unread.size() < b.second.unread.size();
  });
  reset(most->first);
}

// ---- What we say.

std::size_t Yamux::produce(MutableBytes out, TimePoint now) {
  std::size_t at = 0;
  while (!owed_.empty() && out.size() - at >= header_size) {
    const auto& header = owed_.front();
    if (header.type == Type::ping && header.has(YamuxHeader::syn)) {
      pinged_at_ = now;
      ping_owed_ = false;
    }
    at += put(out.subspan(at), header);
    owed_.pop_front();
  }
  while (!turns_.empty() && out.size() - at >= room_min) {
    auto id = turns_.front();
    turns_.pop_front();
    auto* stream = find(id);
    if (!stream) continue;
    stream->has_turn = false;
    if (!wants(*stream)) continue;
    at += serve(id, *stream, out.subspan(at));
    take_turn(id, *stream);
    forget_if_over(id);
  }
  return at;
}

bool Yamux::wants(const Stream& stream) const {
  if (stream.broken) return false;
  return stream.grant_due > 0 || stream.flags_due != 0 || (stream.lent_size > 0 && stream.credit > 0) ||
         (stream.finishing && !stream.finished && stream.lent_size == 0);
}

void Yamux::take_turn(YamuxId id, Stream& stream) {
  if (stream.has_turn || !wants(stream)) return;
  stream.has_turn = true;
  turns_.push_back(id);
}

/// One turn of a stream: credit if it is due, then one frame of data, or of flags alone. FIN never rides on data:
/// js-libp2p 3 looks at the flag first and then drops the data that came with it.
std::size_t Yamux::serve(YamuxId id, Stream& stream, MutableBytes out) {
  std::size_t at = 0;
  if (stream.grant_due > 0) {
    at += put(out, {Type::window_update, std::exchange(stream.flags_due, 0), id, stream.grant_due});
    stream.grant_due = 0;
  }
  if (stream.lent_size > 0 && stream.credit > 0) return at + put_data(id, stream, out.subspan(at));
  bool finish_now = stream.finishing && !stream.finished && stream.lent_size == 0;
  if (stream.flags_due == 0 && !finish_now) return at;
  auto flags = std::exchange(stream.flags_due, 0);
  if (finish_now) flags |= YamuxHeader::fin;
  stream.finished |= finish_now;
  return at + put(out.subspan(at), {Type::window_update, flags, id, 0});
}

std::size_t Yamux::put_data(YamuxId id, Stream& stream, MutableBytes out) {
  auto size = std::min({out.size() - header_size, stream.lent_size, std::size_t{stream.credit}});
  put(out, {Type::data, std::exchange(stream.flags_due, 0), id, static_cast<std::uint32_t>(size)});
  auto body = out.subspan(header_size, size);
  while (!body.empty()) {
    auto& front = stream.lent.front();
    auto piece = front.first(std::min(front.size(), body.size()));
    std::copy(piece.begin(), piece.end(), body.begin());
    body = body.subspan(piece.size());
    front = front.subspan(piece.size());
    if (front.empty()) stream.lent.pop_front();
  }
  stream.lent_size -= size;
  stream.credit -= static_cast<std::uint32_t>(size);
  if (stream.lent_size == 0) events_.push_back({Event::What::drained, id});
  return header_size + size;
}

TimePoint Yamux::deadline() const { return pinged_at_ ? *pinged_at_ + limits_.ping_patience : next_ping_; }

Result<> Yamux::expire(TimePoint now) {
  if (now < deadline()) return {};
  if (pinged_at_) return fail(Errc::timed_out);
  next_ping_ = now + limits_.ping_interval;
  if (std::exchange(ping_owed_, true)) return {};
  owed_.push_back({Type::ping, YamuxHeader::syn, {}, ++ping_value_});
  return {};
}

void Yamux::go_away(YamuxHeader::Reason reason) {
  if (std::exchange(going_away_, true)) return;
  owed_.push_back({Type::go_away, 0, {}, reason});
}

// ---- Streams, for their owner.

Result<YamuxId> Yamux::open() {
  if (going_away_ || peer_goes_away_) return fail(Errc::closed);
  constexpr std::uint32_t id_max = UINT32_MAX - 1;
  if (outbound_ >= limits_.outbound_max || unacknowledged_ >= limits_.unacknowledged_max || next_id_ >= id_max) {
    return fail(Errc::limit_reached);
  }
  YamuxId id(std::exchange(next_id_, next_id_ + 2));
  ++outbound_;
  ++unacknowledged_;
  auto& stream = streams_[id];
  stream.flags_due = YamuxHeader::syn;
  take_turn(id, stream);
  return id;
}

void Yamux::lend(YamuxId id, ByteView bytes) {
  auto* stream = find(id);
  if (!stream || stream->broken || bytes.empty()) return;
  ensure(!stream->finishing, "nothing is written behind the end");
  stream->lent.push_back(bytes);
  stream->lent_size += bytes.size();
  take_turn(id, *stream);
}

std::size_t Yamux::lent(YamuxId id) const {
  auto* stream = find(id);
  return stream ? stream->lent_size : 0;
}

void Yamux::finish(YamuxId id) {
  auto* stream = find(id);
  if (!stream) return;
  stream->finishing = true;
  take_turn(id, *stream);
}

void Yamux::reset(YamuxId id) {
  auto* stream = find(id);
  if (!stream || stream->broken) return;
  bool over = stream->finished && stream->ended;
  bool unheard_of = (stream->flags_due & YamuxHeader::syn) != 0;
  if (!over && !unheard_of) owed_.push_back({Type::window_update, YamuxHeader::rst, id, 0});
  break_stream(id, *stream);
}

void Yamux::break_stream(YamuxId id, Stream& stream) {
  stream.broken = true;
  stream.lent.clear();
  stream.lent_size = 0;
  unread_total_ -= stream.unread.size();
  stream.unread.clear();
  growth_ -= stream.window - window_initial;
  stream.window = window_initial;
  if (!std::exchange(stream.acknowledged, true)) --unacknowledged_;
  events_.push_back({Event::What::readable, id});
  events_.push_back({Event::What::drained, id});
  forget_if_over(id);
}

void Yamux::take_back(YamuxId id) {
  auto* stream = find(id);
  if (!stream) return;
  stream->lent.clear();
  stream->lent_size = 0;
}

void Yamux::release(YamuxId id) {
  auto* stream = find(id);
  if (!stream || stream->released) return;
  stream->released = true;
  if (!stream->finishing || stream->lent_size > 0) {
    reset(id);  // forgets it as well
    forget_if_over(id);
    return;
  }
  auto unread = stream->unread.size();
  stream->unread.clear();
  unread_total_ -= unread;
  if (!stream->ended) lingering_.push_back(id);
  discard(id, *stream, unread);
  forget_if_over(id);
  if (lingering_.size() <= limits_.lingering_max) return;
  auto oldest = lingering_.front();
  lingering_.pop_front();
  reset(oldest);
}

void Yamux::discard(YamuxId id, Stream& stream, std::size_t size) {
  stream.discarded += size;
  if (stream.discarded > limits_.discard_max) reset(id);
}

void Yamux::forget_if_over(YamuxId id) {
  auto found = streams_.find(id);
  if (found == streams_.end() || !found->second.released) return;
  auto& stream = found->second;
  if (!stream.broken && !(stream.finished && stream.ended)) return;
  growth_ -= stream.window - window_initial;
  if (!stream.acknowledged) --unacknowledged_;
  --(ours(id) ? outbound_ : inbound_);
  streams_.erase(found);
  std::erase(lingering_, id);
}

Result<> Yamux::status(YamuxId id) const {
  auto* stream = find(id);
  if (!stream) return fail(Errc::closed);
  if (stream->broken) return fail(Errc::stream_reset);
  if (stream->ended && stream->unread.empty()) return fail(Errc::end_of_stream);
  return {};
}

ByteView Yamux::unread(YamuxId id) const {
  auto* stream = find(id);
  return stream ? stream->unread.front() : ByteView();
}

void Yamux::consume(YamuxId id, std::size_t count, TimePoint now) {
  auto* stream = find(id);
  if (!stream || count == 0) return;
  stream->unread.drop(count);
  unread_total_ -= count;
  if (stream->ended || stream->broken) return;
  grant(*stream, now);
  take_turn(id, *stream);
}

/// New credit once half of the window is used up. A window that is used up twice within four round trips is what
/// limits the speed: it doubles.
void Yamux::grant(Stream& stream, TimePoint now) {
  auto used = stream.allowance + static_cast<std::uint32_t>(stream.unread.size());
  ensure(used <= stream.window, "a stream never holds more than its window");
  if (stream.window - used < stream.window / 2) return;
  constexpr Duration rtt_unknown = std::chrono::milliseconds(100);
  auto patience = 4 * (rtt_ == Duration::zero() ? rtt_unknown : rtt_);
  if (now - stream.granted_at < patience) {
    auto more = std::min<std::size_t>(
        {stream.window, limits_.window_max - stream.window, limits_.growth_max - growth_});
    stream.window += static_cast<std::uint32_t>(more);
    growth_ += more;
  }
  stream.granted_at = now;
  auto delta = stream.window - used;
  stream.allowance += delta;
  stream.grant_due += delta;
}

bool Yamux::write_ended(YamuxId id) const {
  auto* stream = find(id);
  return !stream || stream->broken || stream->finishing;
}

}  // namespace conclave::tcp
