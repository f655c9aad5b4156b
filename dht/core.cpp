#include "dht/core.hpp"

#include <algorithm>

#include <sodium.h>

namespace conclave::dht {

Core::Core(const Surroundings& around, Handle self, TimePoint now)
    : around_(&around), self_(self), table_(around, self), upkeep_(now), secret_(around.random.next()) {}

/// Tokens prove that a sender can be reached in the network it claims; they live for two epochs of ten
/// minutes.
std::uint64_t Core::token(Networks networks, TimePoint now, int epochs_ago) const {
  const std::int64_t epoch = now.time_since_epoch() / std::chrono::minutes(10) - epochs_ago;
  std::array<Byte, crypto_shorthash_KEYBYTES> key{};
  std::memcpy(key.data(), &secret_, sizeof secret_);
  std::array<Byte, 12> input;
  std::memcpy(input.data(), &networks.near, 4);
  std::memcpy(input.data() + 4, &epoch, 8);
  std::uint64_t out;
  crypto_shorthash(reinterpret_cast<Byte*>(&out), input.data(), input.size(), key.data());
  return out;
}

Response Core::on_request(const Asker& from, const Request& request, Now now) {
  Response response;
  response.kind = request.kind;
  if (from.peer != no_handle && from.peer != self_) {
    if (!around_->parameters.verify) {
      table_.answered(from.peer, std::chrono::milliseconds(100), now.at);
    } else if (table_.wants(from.peer)) {
      newcomers_.forgive(from.peer);
      newcomers_.hear(*around_, from.peer, from.networks, secret_);
      upkeep_.hurry(now.at);
    }
  }
  switch (request.kind) {
    case Kind::ping:
      break;
    case Kind::find:
      response.token = token(from.networks, now.at, 0);
      table_.closest(request.target, around_->parameters.k, from.peer, response.contacts);
      break;
    case Kind::get: {
      response.token = token(from.networks, now.at, 0);
      std::size_t room = answer_size_max - answer_header_size;
      const std::size_t kept = request.page ? 0 : contacts_kept * contact_size;
      if (store_)
        response.more =
            store_->get(request.point, request.have, now.wall, secret_, room - kept, response.records);
      if (request.page) break;
      for (auto& record : response.records) room -= record->size + 3u;
      table_.closest(request.target, room / contact_size, from.peer, response.contacts);
      break;
    }
    case Kind::put:
      response.status = PutStatus::refused;
      if (!request.record) break;
      if (request.token != token(from.networks, now.at, 0) &&
          request.token != token(from.networks, now.at, 1))
        break;
      if (!store_) store_ = std::make_unique<MeetingStore>();
      response.status = store_->put(*around_, request.record, from.networks, now.wall);
      break;
  }
  return response;
}

OperationId Core::start(Kind kind, const Key& target, RecordPtr record, std::span<const Handle> seeds,
                        bool internal, TimePoint now, Lookup::Wait wait) {
  if (operations_.size() >= operations_max) return {};
  auto& rules = around_->parameters;
  Lookup::Goal goal;
  goal.target = target;
  goal.radius = table_.size() < rules.k ? 1 : radius();
  if (rules.region && kind != Kind::find && goal.radius < 1) goal.region = goal.radius * rules.region_margin;
  // Who comes in by several guides does not let one of them lead the way; upkeep knows the way itself.
  goal.paths = internal && kind == Kind::find
                   ? std::clamp(static_cast<unsigned>(seeds.size()), 1u, rules.paths)
                   : rules.paths;
  goal.wait = wait;
  OperationId id{++last_operation_};
  auto operation = std::make_unique<Operation>(*around_, id, kind, goal, self_, std::move(record), now);
  operation->internal = internal;
  std::vector<Handle> own;
  table_.closest(target, 3 * rules.k, no_handle, own);
  own.insert(own.end(), seeds.begin(), seeds.end());
  operation->start(own);
  operations_.push_back(std::move(operation));
  return id;
}

OperationId Core::find(const Key& target, TimePoint now, Lookup::Wait wait) {
  return start(Kind::find, target, nullptr, {}, false, now, wait);
}
OperationId Core::get(const Key& point, Now now) {
  auto id = start(Kind::get, point, nullptr, {}, false, now.at);
  if (id == OperationId{} || !store_) return id;
  std::vector<RecordPtr> own, found;
  store_->get(point, {}, now.wall, secret_, ~std::size_t{0}, own);
  operations_.back()->offer(own, now.wall, found);
  for (auto& record : found) found_.push_back({id, std::move(record)});
  return id;
}
OperationId Core::put(RecordPtr record, TimePoint now) {
  Key point = record->point;
  return start(Kind::put, point, std::move(record), {}, false, now);
}
OperationId Core::join(std::span<const Handle> peers, TimePoint now) {
  // A first contact may be slow, and there is no other.
  return start(Kind::find, around_->directory.position(self_), nullptr, peers, true, now, Lookup::Wait::all);
}
void Core::cancel(OperationId id) {
  std::erase_if(operations_, [&](const auto& operation) { return operation->id() == id; });
}
void Core::publish(RecordPtr record, TimePoint now) { upkeep_.publish(std::move(record), now); }
void Core::publish_later(RecordPtr record, TimePoint now) {
  upkeep_.publish(std::move(record), now + around_->parameters.republish_every);
}
void Core::withdraw(const SigningPublicKey& publisher) { upkeep_.withdraw(publisher); }

void Core::hear(Handle peer) {
  if (!table_.wants(peer)) return;
  newcomers_.hear(*around_, peer, around_->directory.networks(peer), secret_);
}

Duration Core::patience(Handle peer) const {
  auto& rules = around_->parameters;
  auto* entry = table_.find(peer);
  Duration worth = entry && entry->rtt.known() ? entry->rtt.patience()
                   : rtt_.known()              ? rtt_.patience()
                                               : Duration(std::chrono::milliseconds(500));
  return std::clamp(worth, rules.patience_min, rules.patience_max);
}

Ask Core::send(Handle to, Request request, OperationId operation, Operation::Part part, TimePoint now) {
  const auto deadline = now + around_->parameters.deadline;
  in_flight_.push_back({++last_ask_, to, operation, part, now, deadline});
  return {last_ask_, to, std::move(request), deadline, operation};
}

std::optional<Ask> Core::next(Now now) {
  auto waits = [this](Handle peer) { return patience(peer); };
  for (std::size_t i = 0; i < operations_.size(); ++i) {
    auto& operation = *operations_[i];
    if (auto ask = operation.next(now.at, waits))
      return send(ask->to, std::move(ask->request), operation.id(), ask->part, now.at);
  }
  finish(now);
  return around_->parameters.upkeep ? upkeep_question(now) : std::nullopt;
}

std::optional<Ask> Core::upkeep_question(Now now) {
  auto task = upkeep_.next(*around_, self_, table_, newcomers_, last_answer_, now.at);
  using Task = Upkeep::Task;
  Request request;
  switch (task.kind) {
    case Task::Kind::none:
      return std::nullopt;
    case Task::Kind::probe:
    case Task::Kind::meet:
      return send(task.peer, request, {}, 0, now.at);
    case Task::Kind::fill:
      request.kind = Kind::find;
      request.target = task.target;
      return send(task.peer, request, {}, 0, now.at);
    case Task::Kind::neighbours:
      start(Kind::find, task.target, nullptr, {}, true, now.at);
      break;
    case Task::Kind::publish:
      start(Kind::put, task.record->point, task.record, {}, true, now.at);
      break;
  }
  return next(now);
}

void Core::finish(Now now) {
  auto& rules = around_->parameters;
  for (std::size_t i = 0; i < operations_.size();) {
    if (!operations_[i]->done()) {
      ++i;
      continue;
    }
    auto outcome = operations_[i]->outcome(now.at);
    if (outcome.closest.size() == rules.k) size_.sample(outcome.kth.share());
    if (outcome.target == around_->directory.position(self_)) {
      upkeep_.joined(rules, now.at, around_->random);
      if (outcome.closest.empty()) upkeep_.stranded(operations_[i]->lookup().seeds());
    }
    outcomes_.push_back(std::move(outcome));
    operations_.erase(operations_.begin() + static_cast<std::ptrdiff_t>(i));
  }
}

TimePoint Core::wake() const {
  TimePoint first = around_->parameters.upkeep ? upkeep_.wake() : TimePoint::max();
  for (auto& operation : operations_) first = std::min(first, operation->wake());
  return first;
}

void Core::heard_from(Handle peer, Duration rtt, TimePoint now) {
  last_answer_ = now;
  rtt_.sample(rtt);
  upkeep_.found_again(peer, now);
  table_.answered(peer, rtt, now);
}

/// A question was not answered. If nobody has answered since it was sent, it may be we who are cut off: a
/// table is not forgotten for that.
void Core::unheard(Handle peer, TimePoint sent, TimePoint) {
  if (last_answer_ + Upkeep::line_checked < sent) {
    table_.doubt(peer);
    return;
  }
  newcomers_.disappointed(peer);
  if (table_.failed(peer)) upkeep_.lost(peer);
}

void Core::heard_of(const Response& response, Handle from) {
  auto source = around_->directory.networks(from);
  for (Handle peer : response.contacts) {
    if (peer == self_) continue;
    if (!around_->parameters.verify) {
      table_.answered(peer, std::chrono::milliseconds(100), last_answer_);
    } else if (table_.wants(peer)) {
      newcomers_.hear(*around_, peer, source, secret_);
    }
  }
}

void Core::on_response(std::uint32_t ask, Handle from, const Response& response, Now now) {
  auto asked =
      std::find_if(in_flight_.begin(), in_flight_.end(), [&](const InFlight& f) { return f.id == ask; });
  if (asked == in_flight_.end() || asked->to != from) return;
  const InFlight was = *asked;
  in_flight_.erase(asked);
  heard_from(from, now.at - was.sent, now.at);
  heard_of(response, from);
  for (auto& operation : operations_) {
    if (operation->id() != was.operation) continue;
    std::vector<RecordPtr> found;
    operation->on_response(from, was.part, response, now, found);
    for (auto& record : found) found_.push_back({was.operation, std::move(record)});
  }
}

void Core::on_failure(std::uint32_t ask, Now now) {
  auto asked =
      std::find_if(in_flight_.begin(), in_flight_.end(), [&](const InFlight& f) { return f.id == ask; });
  if (asked == in_flight_.end()) return;
  const InFlight was = *asked;
  in_flight_.erase(asked);
  unheard(was.to, was.sent, now.at);
  for (auto& operation : operations_)
    if (operation->id() == was.operation) operation->on_failure(was.to, was.part, now.at);
}

const Operation* Core::operation(OperationId id) const {
  for (auto& operation : operations_)
    if (operation->id() == id) return operation.get();
  return nullptr;
}

std::vector<Handle> Core::anchors(std::size_t count) const {
  // The first of each bucket have been there longest. One of each wide network.
  std::vector<Handle> out;
  std::vector<std::uint32_t> seen;
  for (std::size_t rank = 0; rank < around_->parameters.k && out.size() < count; ++rank) {
    for (int index = 0; index < table_.buckets() && out.size() < count; ++index) {
      auto bucket = table_.bucket(index);
      if (rank >= bucket.size() || bucket[rank].failures > 0) continue;
      auto wide = around_->directory.networks(bucket[rank].peer).wide;
      if (wide != 0 && std::find(seen.begin(), seen.end(), wide) != seen.end()) continue;
      seen.push_back(wide);
      out.push_back(bucket[rank].peer);
    }
  }
  return out;
}

std::size_t Core::memory() const {
  return sizeof *this + table_.memory() + newcomers_.memory() + upkeep_.memory() +
         operations_.capacity() * sizeof operations_[0] + in_flight_.capacity() * sizeof in_flight_[0];
}

const char* Core::broken(Now now) const {
  auto& rules = around_->parameters;
  for (int index = 0; index < table_.buckets(); ++index) {
    if (table_.bucket(index).size() > rules.k) return "a bucket holds more than k";
    for (auto& entry : table_.bucket(index)) {
      if (entry.peer == self_) return "a node is in its own table";
      if (table_.bucket_of(entry.peer) != index) return "an entry stands in another's bucket";
    }
  }
  if (store_ && !store_->within_bounds(rules)) return "a store is beyond its bounds";
  for (auto& asked : in_flight_)
    if (asked.deadline + std::chrono::seconds(1) < now.at) return "a question has outlived its deadline";
  if (operations_.size() > operations_max) return "more operations than allowed";
  return nullptr;
}

}  // namespace conclave::dht
