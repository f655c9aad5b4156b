#include "transport/swarm/state.hpp"

#include <algorithm>

namespace conclave::swarm {
namespace asio = boost::asio;
using address::PeerAddress;

namespace {

/// Two connections of opposite directions that came within this time are one simultaneous dial. A round trip is enough:
/// beyond it both ends see the same one come last. Longer, and a peer that was killed and is back is taken for one that
/// dialled at the same time: its dead connection would be kept until the next packet is sent on it.
constexpr Duration simultaneous = std::chrono::seconds(1);
/// A replaced connection lives on this long behind its last use: streams may just be being opened on it.
constexpr Duration retired_idle_max = std::chrono::seconds(3);
/// Replaced connections of one peer that still carry something. Who keeps dialling us loses the oldest.
constexpr std::size_t retired_per_peer_max = 2;

asio::awaitable<void> run_handler(std::shared_ptr<Swarm::Handler> handler, std::shared_ptr<Slot> slot,
                                  std::unique_ptr<io::Stream> stream) {
  struct Count {
    std::shared_ptr<Slot> slot;
    ~Count() { --slot->serving; }
  } count{slot};
  co_await (*handler)(slot->connection, std::move(stream));
}

}  // namespace

/// Accepts the peer's streams until the connection is over.
asio::awaitable<void> serve(Swarm::State& state, std::shared_ptr<Slot> slot) {
  for (;;) {
    auto incoming = co_await slot->connection->accept();
    if (!incoming) break;
    auto handler = state.handlers.find(incoming->protocol);
    if (handler == state.handlers.end() || slot->serving >= state.limits.streams_per_peer_max) {
      incoming->stream->reset();
      continue;
    }
    ++slot->serving;
    state.scope.start(run_handler(handler->second, slot, std::move(incoming->stream)));
  }
  slot->connection->close();
  state.gone(slot);
}

Swarm::State::State(asio::any_io_executor the_executor, io::Clock& the_clock, const NodeKey& own_key,
                    std::vector<Carrier*> the_carriers, Limits the_limits)
    : executor(the_executor),
      clock(the_clock),
      us(own_key),
      carriers(std::move(the_carriers)),
      limits(the_limits),
      wake(the_executor, the_clock),
      scope(the_executor, the_clock) {}

Carrier* Swarm::State::carrier_for(const PeerAddress& address) const {
  for (auto* carrier : carriers)
    if (carrier->carries(address.transport)) return carrier;
  return nullptr;
}

std::vector<PeerAddress> Swarm::State::usable(const NodeKey& node, std::vector<PeerAddress> addresses) const {
  std::erase_if(addresses, [&](const PeerAddress& address) {
    return (address.node && *address.node != node) || address.relay || address.endpoint.port == 0 ||
           address.endpoint.ip.unspecified() || !carrier_for(address);
  });
  return addresses;
}

std::shared_ptr<Slot> Swarm::State::current(const NodeKey& node) const {
  auto found = by_node.find(node);
  if (found == by_node.end() || found->second->connection->closed()) return nullptr;
  return found->second;
}

bool Swarm::State::wanted(const io::Connection& connection) {
  if (closing || connection.closed() || connection.peer() == us) return false;
  if (conduct.banned(connection.peer(), clock.now())) return false;
  if (!connection.dialled_by_us() && !connection.remote().ip.private_range()) {
    auto network = connection.remote().ip.network();
    if (network_conduct.banned(network, clock.now())) return false;
    auto from_there = std::ranges::count_if(slots, [&](auto& slot) {
      return !slot->connection->dialled_by_us() && slot->connection->remote().ip.network() == network;
    });
    if (static_cast<std::size_t>(from_there) >= limits.per_network_max) return false;
  }
  return slots.size() < limits.connections_max || make_room();
}

/// Ends the connection that nobody has used for longest; says whether there was one to end.
bool Swarm::State::make_room() {
  std::shared_ptr<Slot> idlest;
  for (auto& slot : slots) {
    if (slot->connection->streams() > 0 || keeps.contains(slot->connection->peer())) continue;
    if (!idlest || slot->connection->last_use() < idlest->connection->last_use()) idlest = slot;
  }
  if (!idlest) return false;
  idlest->connection->close();
  gone(idlest);
  return true;
}

void Swarm::State::admit(std::shared_ptr<io::Connection> connection) {
  if (!wanted(*connection)) return connection->close();
  auto node = connection->peer();
  auto slot = std::make_shared<Slot>();
  slot->connection = std::make_shared<Tracked>(std::move(connection), clock, [this] { wake.ring(); });
  slot->since = clock.now();
  auto existing = current(node);
  slots.push_back(slot);
  scope.start(serve(*this, slot));
  wake.ring();
  if (existing) {
    bool ours = slot->connection->dialled_by_us();
    bool crossed = ours != existing->connection->dialled_by_us() && slot->since - existing->since < simultaneous;
    // Outside of a simultaneous dial the peer dials because it no longer has the connection that we still see.
    bool replaces = !crossed || ours == (us < node);
    retire(replaces ? *existing : *slot);
    if (!replaces) return;
  }
  give_out(slot);
  if (existing) return;
  for (auto& listener : std::vector(connected)) listener(slot->connection);
}

/// Makes it the peer's connection; says so where the peer had another one.
void Swarm::State::give_out(const std::shared_ptr<Slot>& slot) {
  auto node = slot->connection->peer();
  bool replaces = std::exchange(by_node[node], slot) != nullptr;
  if (auto dial = dials.find(node); dial != dials.end()) dial->second->progress.ring();
  if (!replaces) return;
  for (auto& listener : std::vector(replaced)) listener(node);
}

void Swarm::State::retire(Slot& slot) {
  slot.connection->retire();
  slot.retired_at = clock.now();
  auto& node = slot.connection->peer();
  Slots retired;
  for (auto& other : slots)
    if (other->connection->peer() == node && other->connection->retired()) retired.push_back(other);
  if (retired.size() <= retired_per_peer_max) return;
  (*std::ranges::min_element(retired, {}, &Slot::retired_at))->connection->close();
}

void Swarm::State::gone(const std::shared_ptr<Slot>& slot) {
  std::erase(slots, slot);
  auto node = slot->connection->peer();
  auto known = by_node.find(node);
  if (known == by_node.end() || known->second != slot) return;
  // The peer has closed the one we meant to keep: the other one serves again.
  for (auto& other : slots) {
    if (closing || other->connection->peer() != node || other->connection->closed()) continue;
    other->connection->reinstate();
    return give_out(other);
  }
  by_node.erase(known);
  if (closing) return;
  for (auto& listener : std::vector(disconnected)) listener(node);
}

void Swarm::State::cut_off(const NodeKey& node) {
  for (auto& slot : Slots(slots))
    if (slot->connection->peer() == node) slot->connection->close();
}

TimePoint Swarm::State::sweep() {
  auto now = clock.now();
  auto next = TimePoint::max();
  for (auto& slot : Slots(slots)) {
    auto& connection = *slot->connection;
    auto over = TimePoint::max();
    if (connection.retired()) {
      if (connection.streams() == 0)
        over = std::max(slot->retired_at, connection.last_use()) + retired_idle_max;
    } else if (connection.streams() == 0 && !keeps.contains(connection.peer())) {
      over = connection.last_use() + limits.idle_max;
    }
    if (over <= now) {
      connection.close();
    } else {
      next = std::min(next, over);
    }
  }
  return next;
}

}  // namespace conclave::swarm
