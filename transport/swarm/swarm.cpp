#include "transport/swarm/swarm.hpp"

#include "crypto/ensure.hpp"
#include "transport/swarm/state.hpp"

namespace conclave::swarm {
namespace asio = boost::asio;
using address::PeerAddress;

namespace {

/// Takes nothing but what may outlive the dial: it may succeed after another one has.
asio::awaitable<void> attempt(Carrier& carrier, PeerAddress address, std::shared_ptr<Dial> dial) {
  auto connection = co_await carrier.dial(std::move(address), dial->node, dial->deadline);
  if (dial->done) {
    if (connection) (*connection)->close();
    co_return;
  }
  dial->outcomes.push_back({std::move(connection)});
  dial->progress.ring();
}

/// Wakes those who wait for a dial, however its coroutine ends.
struct DialGuard {
  std::shared_ptr<Dial> dial;
  ~DialGuard() {
    dial->finish(fail(Errc::closed));
    // An attempt that succeeded in the same moment as another.
    for (auto& outcome : dial->outcomes)
      if (outcome.connection) (*outcome.connection)->close();
  }
};

asio::awaitable<void> run_dial(Swarm::State& state, std::shared_ptr<Dial> dial) {
  DialGuard guard{dial};
  io::Scope attempts(state.executor, state.clock);
  Error last = Errc::not_found;
  auto finish = [&](Result<> how) {
    state.dials.erase(dial->node);
    dial->finish(how);
  };
  for (;;) {
    while (!dial->outcomes.empty()) {
      auto outcome = std::move(dial->outcomes.front());
      dial->outcomes.pop_front();
      if (outcome.connection) {
        last = Errc::refused;  // unless it is taken in
        state.admit(std::move(*outcome.connection));
      } else {
        last = outcome.connection.error();
      }
      dial->race.on_failure(state.clock.now());
    }
    if (state.current(dial->node)) co_return finish({});
    if (state.clock.now() >= dial->deadline) co_return finish(fail(Errc::timed_out));
    auto step = dial->race.next(state.clock.now());
    if (std::holds_alternative<Race::Lost>(step)) co_return finish(fail(last));
    if (auto* start = std::get_if<Race::Start>(&step)) {
      attempts.start(attempt(*state.carrier_for(start->address), start->address, dial));
    } else {
      co_await dial->progress.wait_until(std::min(std::get<Race::Wait>(step).until, dial->deadline));
    }
  }
}

/// Holds one place among a dial's waiters.
struct Waiting {
  std::shared_ptr<Dial> dial;
  io::Event event;
  Waiting(std::shared_ptr<Dial> whose, asio::any_io_executor executor, io::Clock& clock)
      : dial(std::move(whose)), event(std::move(executor), clock) {
    dial->waiters.insert(&event);
  }
  ~Waiting() { dial->waiters.erase(&event); }
};

asio::awaitable<void> run_sweeper(Swarm::State& state) {
  for (;;) co_await state.wake.wait_until(state.sweep());
}

}  // namespace

Swarm::Swarm(asio::any_io_executor executor, io::Clock& clock, const NodeKey& us, std::vector<Carrier*> carriers,
             Limits limits)
    : state_(std::make_shared<State>(std::move(executor), clock, us, std::move(carriers), limits)) {
  for (auto* carrier : state_->carriers) {
    carrier->on_connection([weak = std::weak_ptr(state_)](std::shared_ptr<io::Connection> connection) {
      if (auto state = weak.lock()) {
        state->admit(std::move(connection));
      } else {
        connection->close();
      }
    });
  }
  state_->scope.start(run_sweeper(*state_));
}

Swarm::~Swarm() { ensure(state_->scope.running() == 0, "a swarm is closed before it goes"); }

asio::awaitable<Result<Swarm::ConnectionPtr>> Swarm::dial(NodeKey node, std::vector<PeerAddress> addresses,
                                                          TimePoint deadline) {
  auto state = state_;
  if (state->closing) co_return fail(Errc::closed);
  if (node == state->us || state->conduct.banned(node, state->clock.now())) co_return fail(Errc::refused);
  if (auto slot = state->current(node)) co_return slot->connection;
  addresses = state->usable(node, std::move(addresses));
  auto& dial = state->dials[node];
  if (!dial) {
    if (addresses.empty() || state->dials.size() > state->limits.dials_max) {
      state->dials.erase(node);
      co_return fail(addresses.empty() ? Errc::not_found : Errc::limit_reached);
    }
    dial = std::make_shared<Dial>(state->executor, state->clock, node, state->limits, deadline);
    dial->race.add(std::move(addresses));
    state->scope.start(run_dial(*state, dial));
  } else {
    dial->deadline = std::max(dial->deadline, deadline);
    dial->race.add(std::move(addresses));
    dial->progress.ring();
  }
  Waiting waiting(dial, state->executor, state->clock);
  while (!waiting.dial->done) {
    if (!co_await waiting.event.wait_until(deadline)) co_return fail(Errc::timed_out);
  }
  if (auto slot = state->current(node)) co_return slot->connection;
  co_return fail(waiting.dial->end ? make_error_code(Errc::closed) : waiting.dial->end.error());
}

Swarm::ConnectionPtr Swarm::find(const NodeKey& node) const {
  auto slot = state_->current(node);
  return slot ? slot->connection : nullptr;
}

std::vector<Swarm::ConnectionPtr> Swarm::connections() const {
  std::vector<ConnectionPtr> out;
  for (auto& [node, slot] : state_->by_node)
    if (!slot->connection->closed()) out.push_back(slot->connection);
  return out;
}

void Swarm::handle(std::string protocol, Handler handler) {
  if (handler) {
    state_->handlers[std::move(protocol)] = std::make_shared<Handler>(std::move(handler));
  } else {
    state_->handlers.erase(protocol);
  }
}

void Swarm::on_connected(Connected listener) { state_->connected.push_back(std::move(listener)); }
void Swarm::on_disconnected(Disconnected listener) { state_->disconnected.push_back(std::move(listener)); }
void Swarm::on_replaced(Replaced listener) { state_->replaced.push_back(std::move(listener)); }

void Swarm::keep(const NodeKey& node) { ++state_->keeps[node]; }

void Swarm::release(const NodeKey& node) {
  auto found = state_->keeps.find(node);
  ensure(found != state_->keeps.end(), "released as often as kept");
  if (--found->second == 0) state_->keeps.erase(found);
  state_->wake.ring();
}

bool Swarm::kept(const NodeKey& node) const { return state_->keeps.contains(node); }

void Swarm::misbehaved(const NodeKey& node, int points) {
  auto now = state_->clock.now();
  if (auto slot = state_->current(node); slot && !slot->connection->remote().ip.private_range())
    state_->network_conduct.add(slot->connection->remote().ip.network(), points / 2.0, now);
  if (state_->conduct.add(node, points, now)) state_->cut_off(node);
}

bool Swarm::banned(const NodeKey& node) const { return state_->conduct.banned(node, state_->clock.now()); }

asio::awaitable<void> Swarm::close() {
  auto state = state_;
  state->closing = true;
  for (auto* carrier : state->carriers) carrier->on_connection({});
  for (auto& slot : State::Slots(state->slots)) slot->connection->close();
  for (auto& [node, dial] : std::exchange(state->dials, {})) dial->finish(fail(Errc::closed));
  co_await state->scope.close();
  state->slots.clear();
  state->by_node.clear();
}

}  // namespace conclave::swarm
