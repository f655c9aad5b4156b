// Ringing at contacts, and being rung for.
#include "node/body.hpp"
#include "node/ring.hpp"

namespace conclave::node {
namespace asio = boost::asio;
namespace {

constexpr Duration ring_patience = std::chrono::seconds(5);
// The devices of one account, some of them twice.
constexpr std::uint16_t ring_members = 8;
constexpr std::chrono::hours ring_life{24};

asio::awaitable<Result<Ring>> read_ring(io::Stream& stream) {
  Bytes bytes(ring_size_max);
  std::size_t have = 0;
  while (have < bytes.size()) {
    auto more = co_await stream.read_some(MutableBytes(bytes).subspan(have));
    if (!more && more.error() == conclave::Errc::end_of_stream) break;
    if (!more) co_return fail(more.error());
    have += *more;
  }
  co_return decode_ring(ByteView(bytes).first(have));
}

}  // namespace

calls::HostParts Node::Body::host_parts() {
  auto points = network->points();
  return {around.executor,
          around.clock,
          around.random,
          profile.contents().keys.node,
          *profile.contents().keys.certificate,
          *store,
          network->swarm(),
          network->demux(),
          uplink_bps,
          [this] { return network->addresses(); },
          [this] { return network->proven(); },
          [this] {
            Status status;
            network->describe(status);
            return status.reachability_words;
          },
          points.read,
          points.publish};
}

asio::awaitable<void> Node::Body::answer_ring(NodeKey from, std::unique_ptr<io::Stream> stream) {
  auto account = roster->account_of(from);
  auto* person = account ? roster->find(*account) : nullptr;
  if (!person || person->standing != contacts::Standing::contact || person->blocked) co_return;
  auto ring = co_await read_ring(*stream);
  if (!ring || !running()) co_return;
  if (ring->kind == RingKind::ring && ring->invite) calls->summoned(ring->conference, *ring->invite, from);
  watchers.tell(CallRang{*account, from, ring->conference, ring->kind});
}

calls::Host& Node::calls() { return *body_->calls; }

asio::awaitable<Result<>> Node::ring(AccountKey account, ConferenceKey conference, RingKind kind) {
  auto& body = *body_;
  if (!body.running()) co_return fail(Errc::not_running);
  auto* person = body.roster->find(account);
  if (!person || person->standing != contacts::Standing::contact) co_return fail(Errc::unknown_account);
  Ring said{conference, kind, std::nullopt};
  if (kind == RingKind::ring)
    if (auto invite = co_await body.calls->invite_key(conference, ring_members, ring_life)) said.invite = *invite;
  auto message = encode(said);
  bool rang = false;
  for (auto& node : co_await body.presence->reach(account)) {
    auto connection = body.network->swarm().find(node);
    if (!connection) continue;
    auto stream = co_await connection->open(std::string(ring_protocol));
    if (!stream || !co_await (*stream)->write_all(message)) continue;
    rang |= (co_await (*stream)->close_write()).has_value();
    // Until the other end has read and let go, or has had time enough.
    std::array<Byte, 1> end;
    auto& clock = body.around.clock;
    auto alarm = clock.at(clock.now() + ring_patience, [raw = stream->get()] { raw->reset(); });
    (void)co_await (*stream)->read_some(end);
    clock.cancel(alarm);
  }
  if (!rang) co_return fail(Errc::unreachable);
  co_return Result<>();
}

}  // namespace conclave::node
