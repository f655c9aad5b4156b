#include "simulations/scale/swarm.hpp"

#include "crypto/ensure.hpp"
#include "simulations/violation.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

namespace conclave::sim {

using dht::Handle;

namespace {

// What surrounds a body: IP and UDP 28 bytes; one-shot within a session 40, as a first message or answer 160
// and 90 (docs/oneshot.md). A first message is padded to 400, so that its answer is no more than three times
// as long.
constexpr std::size_t ip_udp = 28, session_header = 40, first_header = 160, first_answer_header = 90;

}  // namespace

// Questions other than puts are counted as if nobody had a session with anybody: too high rather than too
// low. A put follows a question to the same node by a second.
std::size_t Sizes::request(const dht::Request& request) {
  std::size_t body = 14;
  if (request.kind == dht::Kind::find) body = 48;
  if (request.kind == dht::Kind::get) body = 84 + 9 * request.have.size();
  if (request.kind == dht::Kind::put)
    return ip_udp + session_header + 26 + (request.record ? request.record->size : 0);
  return ip_udp + std::max<std::size_t>(400, first_header + body);
}

std::size_t Sizes::response(const dht::Response& response) {
  if (response.kind == dht::Kind::put) return ip_udp + session_header + 6;
  std::size_t body = 14;
  for (auto& record : response.records) body += record->size + 3u;
  if (response.kind != dht::Kind::ping) body += 12 + dht::Core::contact_size * response.contacts.size();
  return ip_udp + first_answer_header + body;
}

Swarm::Swarm(Population& population, dht::Parameters parameters, LinkModel links, std::uint64_t seed)
    : population_(population),
      parameters_(parameters),
      links_(links, seed),
      random_(seed, 0x7377),
      around_{parameters_, population_, trust_, random_},
      cores_(population.size()),
      armed_(population.size(), TimePoint::max()),
      clock_offset_ms_(population.size()),
      lives_(population.size()) {
  whereabouts = {seed, 0, 0};
}

dht::Now Swarm::moment(Handle node) const {
  return {now_, wall() + std::chrono::milliseconds(clock_offset_ms_[node.raw()])};
}

dht::Core& Swarm::wake_up(Handle node, std::chrono::milliseconds offset) {
  ensure(!cores_[node.raw()], "a node that sleeps is woken");
  cores_[node.raw()] = std::make_unique<dht::Core>(around_, node, now_);
  ++lives_[node.raw()];
  clock_offset_ms_[node.raw()] = static_cast<std::int32_t>(offset.count());
  ++live_cores_;
  return *cores_[node.raw()];
}

std::unique_ptr<dht::Core> Swarm::put_down(Handle node) {
  armed_[node.raw()] = TimePoint::max();
  --live_cores_;
  return std::move(cores_[node.raw()]);
}

void Swarm::push(TimePoint when, What what, std::uint32_t subject) {
  heap_.push_back({std::max(when, now_), ++order_, subject, what});
  std::push_heap(heap_.begin(), heap_.end(), std::greater<>());
}

void Swarm::at(TimePoint when, std::function<void()> action) {
  std::uint32_t index;
  if (free_actions_.empty()) {
    index = static_cast<std::uint32_t>(actions_.size());
    actions_.push_back(std::move(action));
  } else {
    index = free_actions_.back();
    free_actions_.pop_back();
    actions_[index] = std::move(action);
  }
  push(when, What::action, index);
}

void Swarm::pump(Handle node) {
  auto* core = cores_[node.raw()].get();
  if (!core) return;
  while (auto ask = core->next(moment(node))) send(node, std::move(*ask));
  for (auto& found : core->take_found())
    if (on_found_) on_found_(node, found);
  for (auto& outcome : core->take_outcomes())
    if (on_outcome_) on_outcome_(node, outcome);
  core = cores_[node.raw()].get();  // a hook may have put it down
  if (!core) return;
  auto wake = core->wake();
  if (wake == TimePoint::max() || (wake >= armed_[node.raw()] && armed_[node.raw()] > now_)) return;
  // A wake that comes too early finds nothing to do and arms again; that is cheaper than taking it out of the
  // heap.
  armed_[node.raw()] = std::max(wake, now_ + Duration(1));
  push(armed_[node.raw()], What::wake, node.raw());
}

void Swarm::send(Handle from, dht::Ask ask) {
  std::uint32_t index;
  if (free_.empty()) {
    index = static_cast<std::uint32_t>(pool_.size());
    pool_.emplace_back();
  } else {
    index = free_.back();
    free_.pop_back();
  }
  ++messages_;
  ++asked_[static_cast<std::size_t>(ask.request.kind)];
  auto& message = pool_[index];
  message.from = from;
  message.to = ask.to;
  message.ask = ask.id;
  message.life = lives_[from.raw()];
  message.operation = ask.operation;
  message.sent = now_;
  message.deadline = ask.deadline;
  message.request = std::move(ask.request);
  message.rtt = links_.rtt(from, ask.to);
  auto& model = links_.model();
  if (model.jitter_ms > 0)
    message.rtt += Duration(static_cast<Duration::rep>(random_.unit() * 1000 * model.jitter_ms));
  int copies = 1;
  bool lost = false;
  if (model.loss > 0) {
    // Both ways may lose; the question is repeated once, half a second later.
    const double way = 1 - (1 - model.loss) * (1 - model.loss);
    if (random_.unit() < way) {
      copies = 2;
      message.rtt += std::chrono::milliseconds(500);
      lost = random_.unit() < way;
    }
  }
  if (cut(from, ask.to) || !population_.at(ask.to).live) copies = 2;
  if (!traffic_.empty()) {
    auto& sent = traffic_[from.raw()];
    sent.sent_datagrams += static_cast<std::uint64_t>(copies);
    sent.sent_bytes += static_cast<std::uint64_t>(copies) * Sizes::request(message.request);
  }
  if (lost || cut(from, ask.to) || message.rtt >= message.deadline - now_) {
    push(message.deadline, What::failure, index);
  } else {
    push(now_ + message.rtt / 2, What::request, index);
  }
}

void Swarm::inject(Handle from, Handle to, dht::Request request) {
  dht::Ask ask{0, to, std::move(request), now_ + parameters_.deadline, {}};
  send(from, std::move(ask));
}

void Swarm::deliver_request(std::uint32_t index) {
  auto& message = pool_[index];
  auto& to = population_.at(message.to);
  std::optional<dht::Response> response;
  if (!to.live || to.role == Role::client || cut(message.from, message.to)) {
    push(message.deadline, What::failure, index);
    return;
  }
  if (to.role == Role::adversary) {
    if (adversary_) response = adversary_->answer(*this, message.to, message.from, message.request);
  } else if (auto* core = cores_[message.to.raw()].get()) {
    dht::Asker asker{population_.at(message.from).role == Role::client ? dht::no_handle : message.from,
                     population_.networks(message.from)};
    response = core->on_request(asker, message.request, moment(message.to));
    auto wake = core->wake();
    if (wake < armed_[message.to.raw()]) {
      armed_[message.to.raw()] = std::max(wake, now_ + Duration(1));
      push(armed_[message.to.raw()], What::wake, message.to.raw());
    }
  }
  if (!response) {
    push(message.deadline, What::failure, index);
    return;
  }
  if (!traffic_.empty()) {
    auto& sent = traffic_[message.to.raw()];
    ++sent.sent_datagrams;
    sent.sent_bytes += Sizes::response(*response);
  }
  pool_[index].response = std::move(*response);
  push(now_ + pool_[index].rtt - pool_[index].rtt / 2, What::response, index);
}

void Swarm::deliver_response(std::uint32_t index) {
  if (cut(pool_[index].from, pool_[index].to)) {  // while it was under way
    push(pool_[index].deadline, What::failure, index);
    return;
  }
  auto message = std::move(pool_[index]);
  free(index);
  for (Handle contact : message.response.contacts) population_.announce(contact);
  if (on_ask_)
    on_ask_(message.from, message.operation, message.to, message.request, &message.response, message.sent);
  auto* core = cores_[message.from.raw()].get();
  if (!core || message.life != lives_[message.from.raw()]) return;
  core->on_response(message.ask, message.to, message.response, moment(message.from));
  pump(message.from);
}

void Swarm::give_up(std::uint32_t index) {
  auto message = std::move(pool_[index]);
  free(index);
  if (on_ask_) on_ask_(message.from, message.operation, message.to, message.request, nullptr, message.sent);
  auto* core = cores_[message.from.raw()].get();
  if (!core || message.life != lives_[message.from.raw()]) return;
  core->on_failure(message.ask, moment(message.from));
  pump(message.from);
}

void Swarm::free(std::uint32_t index) {
  pool_[index] = {};
  free_.push_back(index);
}

bool Swarm::step(TimePoint limit) {
  if (heap_.empty() || heap_.front().at > limit) return false;
  std::pop_heap(heap_.begin(), heap_.end(), std::greater<>());
  Event event = heap_.back();
  heap_.pop_back();
  now_ = event.at;
  whereabouts.event = ++events_;
  whereabouts.at_us = now_.time_since_epoch().count();
  Handle subject = event.what == What::wake ? Handle(event.subject) : dht::no_handle;
  if (event.what == What::request) subject = pool_[event.subject].to;
  if (event.what == What::response || event.what == What::failure) subject = pool_[event.subject].from;
  switch (event.what) {
    case What::wake:
      if (armed_[event.subject] != event.at) break;  // armed anew since
      armed_[event.subject] = TimePoint::max();
      pump(Handle(event.subject));
      break;
    case What::request:
      deliver_request(event.subject);
      break;
    case What::response:
      deliver_response(event.subject);
      break;
    case What::failure:
      give_up(event.subject);
      break;
    case What::action: {
      auto action = std::move(actions_[event.subject]);
      free_actions_.push_back(event.subject);
      action();
      break;
    }
  }
  if (events_ % check_every == 0 && subject != dht::no_handle) check(subject);
  return true;
}

void Swarm::check(Handle node) const {
  auto* core = cores_[node.raw()].get();
  if (const char* what = core ? core->broken(moment(node)) : nullptr)
    throw Violation(fmt::format("seed {}, event {} at {} us: node {}: {}", whereabouts.seed, events_,
                                now_.time_since_epoch().count(), node.raw(), what));
}

void Swarm::run_until(TimePoint limit) {
  while (step(limit)) {
  }
  now_ = std::max(now_, limit);
}

bool Swarm::run_while(const std::function<bool()>& busy, TimePoint limit) {
  while (busy())
    if (!step(limit)) return false;
  return true;
}

void Swarm::fast_start(std::uint32_t first, std::uint32_t last) {
  std::vector<std::uint32_t> order;
  for (std::uint32_t node = first; node < last; ++node) {
    auto* core = cores_[node].get();
    if (!core) continue;
    auto& table = core->table();
    const auto& position = population_.position(Handle(node));
    std::uint32_t low = 0, high = static_cast<std::uint32_t>(population_.size());
    for (int bit = 0; bit < 120 && high - low > 1; ++bit) {
      auto middle = population_.split(low, high, bit);
      const bool one = position.bytes[static_cast<std::size_t>(bit / 8)] & (0x80 >> (bit % 8));
      auto others_low = one ? low : middle, others_high = one ? middle : high;
      (one ? low : high) = middle;
      const auto count = others_high - others_low;
      auto meet = [&](std::uint32_t other) {
        if (population_.at(Handle(other)).role == Role::client) return;
        table.answered(Handle(other), links_.rtt(Handle(node), Handle(other)), now_);
      };
      if (count <= 2 * parameters_.k) {
        order.resize(count);
        for (std::uint32_t i = 0; i < count; ++i) order[i] = others_low + i;
        for (std::uint32_t i = count; i > 1; --i) std::swap(order[i - 1], order[random_.below(i)]);
        for (auto other : order) meet(other);
      } else {
        // Half again as many as there is room for: what a node meets before its bucket is full, and some
        // after.
        for (unsigned i = 0; i < parameters_.k * 3 / 2; ++i)
          meet(others_low + static_cast<std::uint32_t>(random_.below(count)));
      }
    }
  }
}

void Swarm::give_experience(Handle node) {
  auto* core = cores_[node.raw()].get();
  if (!core) return;
  if (!core->rtt().known())
    for (int i = 0; i < 64; ++i)
      core->rtt().sample(
          links_.rtt(node, Handle(static_cast<std::uint32_t>(random_.below(population_.size())))));
  while (core->network_size().samples() < 8) {
    auto target = random_.fixed<dht::Key>();
    auto found =
        population_.nearest(target, parameters_.k, [](const Population::Person& p) { return p.live; });
    if (found.size() < parameters_.k) return;
    core->network_size().sample(dht::distance(population_.position(found.back()), target).share());
  }
}

Swarm::Traffic Swarm::total_traffic() const {
  Traffic sum;
  for (auto& traffic : traffic_) {
    sum.sent_bytes += traffic.sent_bytes;
    sum.sent_datagrams += traffic.sent_datagrams;
  }
  return sum;
}

std::size_t Swarm::table_bytes() const {
  std::size_t sum = 0;
  for (auto& core : cores_)
    if (core) sum += core->memory();
  return sum;
}

std::optional<std::string> Swarm::broken(std::size_t stride) const {
  for (std::size_t i = 0; i < cores_.size(); i += stride) {
    if (!cores_[i]) continue;
    if (auto* what = cores_[i]->broken(moment(Handle(static_cast<std::uint32_t>(i)))))
      return fmt::format("seed {}, event {} at {} us: node {}: {}", whereabouts.seed, events_,
                         now_.time_since_epoch().count(), i, what);
  }
  return std::nullopt;
}

}  // namespace conclave::sim
