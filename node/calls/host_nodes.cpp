// Other nodes: finding them, control streams to them, media from them.
#include "crypto/codec/msgpack.hpp"
#include "node/calls/host_state.hpp"
#include "node/calls/media_packet.hpp"

namespace conclave::calls {
namespace asio = boost::asio;
namespace {

using namespace std::chrono_literals;

constexpr Duration round_every = 500ms;
/// While a node that serves a member is not connected, or nobody is: soon again at first, since two who come together
/// each leave their entry while the other reads.
constexpr Duration search_first = 500ms, search_every = 5s;
constexpr Duration publish_every = 10min;
constexpr std::chrono::milliseconds entry_life = std::chrono::hours(2);
constexpr Duration dial_patience = 5s;
constexpr Duration farewell_patience = 2s;  // a few round trips, a lost packet among them
constexpr std::size_t places_max = 512;

asio::awaitable<Result<Message>> read_message(io::Stream& stream) {
  std::array<Byte, 4> head;
  CO_CHECK(co_await io::read_exactly(stream, head));
  const std::size_t size = static_cast<std::size_t>(head[0]) << 24 | static_cast<std::size_t>(head[1]) << 16 |
                           static_cast<std::size_t>(head[2]) << 8 | head[3];
  if (size > message_max) co_return fail(Errc::too_long);
  Bytes body(size);
  CO_CHECK(co_await io::read_exactly(stream, body));
  co_return decode_message(body);
}

}  // namespace

/// While the conference is live here: published, its nodes connected, its statements kept.
asio::awaitable<void> Host::keep_room(ConferenceKey conference) {
  while (auto* hosted = find(conference)) {
    auto now = parts_.clock.now();
    if (!hosted->published || now - *hosted->published >= publish_every) publish_entry(*hosted);
    bool missing = hosted->live.room().connected().empty();
    for (const auto& node : hosted->wanted) {
      if (hosted->live.connected(node) || hosted->dialling.contains(node)) continue;
      missing = true;
      auto places = hosted->places.find(node);
      if (places == hosted->places.end()) continue;
      hosted->dialling.insert(node);
      scope_.start(reach(conference, node, places->second));
    }
    if (!missing) hosted->search_pause = {};
    if (missing && now >= hosted->search_at) {
      hosted->search_pause = std::clamp(2 * hosted->search_pause, search_first, search_every);
      hosted->search_at = now + hosted->search_pause;
      scope_.start(search(conference));
    }
    if (!hosted->statements_kept) {
      hosted->statements_kept = true;
      if (hosted->lasting)
        (void)co_await keep_statements(parts_.store, conference, hosted->live.room().roster().all());
    }
    co_await io::sleep_until(parts_.clock, parts_.clock.now() + round_every);
  }
}

void Host::publish_entry(Hosted& hosted) {
  auto addresses = parts_.addresses();
  const auto& conference = hosted.live.room().conference();
  auto now = parts_.clock.unix_now();
  EntryContent content{parts_.keys.public_key(), {}, {}, {}};
  content.proof = issue(parts_.keys, conference, now, Serve{parts_.uplink_bps}).bytes;
  for (const auto& address : addresses)
    if (content.addresses.size() < EntryContent::addresses_max) content.addresses.push_back(address.multiaddr().encode());
  if (content.addresses.empty()) return;  // tried again at the next round
  hosted.published = parts_.clock.now();
  for (Day day : days_to_publish(now)) {
    auto entry = seal_entry(MeetingKind::conference, conference, day, content, parts_.keys,
                            static_cast<std::uint64_t>(now.ms), now + entry_life, parts_.random);
    if (entry) parts_.publish(*entry);
  }
}

/// Reads the meeting point; every node that leaves an entry there is tried. Whether it belongs is seen by what it
/// says.
asio::awaitable<void> Host::search(ConferenceKey conference) {
  for (Day day : days_to_read(parts_.clock.unix_now())) {
    co_await parts_.read_point(meeting_point(conference, day), [this, conference, day](const SealedEntry& entry) {
      auto* hosted = find(conference);
      auto content = open_entry(MeetingKind::conference, conference, day, entry, parts_.clock.unix_now());
      if (!hosted || !content || content->node == parts_.keys.public_key()) return;
      std::vector<address::PeerAddress> places;
      for (const auto& bytes : content->addresses) {
        auto multiaddr = address::Multiaddr::decode(bytes);
        if (!multiaddr) continue;
        if (auto place = address::PeerAddress::from(*multiaddr)) places.push_back(*place);
      }
      if (places.empty() || hosted->places.size() >= places_max) return;
      hosted->places[content->node] = places;
      if (hosted->live.connected(content->node) || !hosted->dialling.insert(content->node).second) return;
      scope_.start(reach(conference, content->node, std::move(places)));
    });
  }
}

asio::awaitable<void> Host::reach(ConferenceKey conference, NodeKey node, std::vector<address::PeerAddress> at) {
  auto connection = co_await parts_.swarm.dial(node, std::move(at), parts_.clock.now() + dial_patience);
  if (connection) {
    auto stream = co_await (*connection)->open(std::string(protocol));
    if (stream) scope_.start(run_stream(conference, *connection, std::move(*stream), std::nullopt));
  }
  if (auto* hosted = find(conference)) hosted->dialling.erase(node);
}

asio::awaitable<void> Host::accept_stream(std::shared_ptr<io::Connection> connection, std::unique_ptr<io::Stream> stream) {
  auto first = co_await read_message(*stream);
  if (!first || !std::holds_alternative<Hello>(*first)) co_return;
  auto conference = std::get<Hello>(*first).conference;
  if (!find(conference)) co_return;  // the stream is reset: not here
  co_await run_stream(conference, std::move(connection), std::move(stream), std::move(*first));
}

asio::awaitable<void> Host::run_stream(ConferenceKey conference, std::shared_ptr<io::Connection> connection,
                                       std::unique_ptr<io::Stream> stream, std::optional<Message> first) {
  if (streams_.size() >= streams_max) co_return;
  do {
    last_stream_ = (last_stream_ + 1) & 0xffffff;
  } while (last_stream_ == 0 || streams_.contains(last_stream_));
  auto control = std::make_shared<Control>(last_stream_, conference, connection, std::move(stream), parts_.executor, parts_.clock);
  streams_[control->number] = control;
  scope_.start(write_loop(control));
  parts_.swarm.keep(connection->peer());
  if (auto* hosted = find(conference)) hosted->live.stream_came(control->number, connection, own_doors());
  if (first)
    if (auto* hosted = find(conference); hosted && !hosted->live.stream_says(control->number, *first)) control->mail.close();
  poke();
  while (!control->mail.closed()) {
    auto message = co_await read_message(*control->stream);
    auto* hosted = find(conference);
    if (!message || !hosted) break;
    if (!hosted->live.stream_says(control->number, *message)) break;
    poke();
  }
  control->mail.close();
  streams_.erase(control->number);
  parts_.swarm.release(connection->peer());
  if (auto* hosted = find(conference)) hosted->live.stream_went(control->number);
  poke();
}

asio::awaitable<void> Host::write_loop(std::shared_ptr<Control> control) {
  while (auto letter = co_await control->mail.take()) {
    // What waits goes out together.
    Bytes batch = std::move(*letter);
    while (control->mail.size() > 0 && batch.size() < message_max) {
      auto more = co_await control->mail.take();
      if (more) append(batch, *more);
    }
    if (!co_await control->stream->write_all(batch)) break;
  }
  // What was said last, a farewell most likely, is under way still: a reset at once would take it back.
  if (co_await control->stream->close_write())
    co_await io::sleep_until(parts_.clock, parts_.clock.now() + farewell_patience);
  control->stream->reset();
}

void Host::write_to(std::uint32_t stream, const Message& message) {
  auto found = streams_.find(stream);
  if (found == streams_.end()) return;
  auto body = encode(message);
  Bytes framed{static_cast<Byte>(body.size() >> 24), static_cast<Byte>(body.size() >> 16),
               static_cast<Byte>(body.size() >> 8), static_cast<Byte>(body.size())};
  append(framed, body);
  // A peer that does not read is as good as gone.
  if (!found->second->mail.put(std::move(framed))) found->second->mail.close();
}

void Host::send_datagram(const io::Endpoint& to, ByteView datagram) { parts_.demux.socket().send(to, datagram); }

void Host::want_nodes(const ConferenceKey& conference, const std::set<NodeKey>& nodes) {
  if (auto* hosted = find(conference)) hosted->wanted = nodes;
}

void Host::hear_media(std::span<const io::Packet> packets) {
  std::array<Byte, 2048> copy_of;
  for (const auto& packet : packets) {
    auto link = media_link_of(packet.bytes);
    if (!link || packet.bytes.size() > copy_of.size()) continue;
    auto control = streams_.find(*link);
    if (control == streams_.end()) continue;
    auto* hosted = find(control->second->conference);
    if (!hosted) continue;
    std::copy(packet.bytes.begin(), packet.bytes.end(), copy_of.begin());
    hosted->live.link_datagram(*link, MutableBytes(copy_of).first(packet.bytes.size()), packet.waited);
  }
  attachment_->poke();
  arm();
}

}  // namespace conclave::calls
