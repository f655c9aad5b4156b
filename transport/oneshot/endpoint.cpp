#include "transport/oneshot/endpoint.hpp"

#include "transport/oneshot/core.hpp"

namespace conclave::oneshot {

Endpoint::Endpoint(io::Datagrams& socket, io::Clock& clock, Random& random, const NodeKeys& keys, Limits limits)
    : socket_(socket), clock_(clock), alive_(std::make_shared<bool>(true)) {
  auto answer = [this](Service service, const NodeKey& from, const io::Endpoint& at,
                       ByteView body) -> std::optional<Bytes> {
    auto found = answers_.find(service);
    if (found == answers_.end()) return std::nullopt;
    auto answerer = found->second;  // it may replace itself while it runs
    return answerer(from, at, body);
  };
  core_ = std::make_unique<Core>(keys, random, limits, answer, clock.unix_now());
  core_->prepare(clock.now());
  socket_.on_receive([this](std::span<const io::Packet> packets) { receive(packets); });
}

Endpoint::~Endpoint() {
  socket_.on_receive({});
  if (alarm_) clock_.cancel(*alarm_);
  *alive_ = false;
  for (auto& [id, done] : std::exchange(waiting_, {})) done(fail(Errc::closed));
}

void Endpoint::receive(std::span<const io::Packet> packets) {
  Moment moment{clock_.now(), clock_.unix_now()};
  for (auto& packet : packets) core_->receive(packet, moment);
  flush();
}

void Endpoint::request(const NodeKey& to, const io::Endpoint& at, ByteView body, TimePoint deadline, Done done,
                       Service service) {
  auto id = core_->request(to, at, service, body, deadline, {clock_.now(), clock_.unix_now()});
  waiting_.emplace(id, std::move(done));
  send();
  core_->prepare(clock_.now());
  arm();
}

void Endpoint::on_request(Answer answer, Service service) {
  if (answer) {
    answers_[service] = std::move(answer);
  } else {
    answers_.erase(service);
  }
}

void Endpoint::on_observed(Observed observed) { observed_ = std::move(observed); }
std::optional<Rtt> Endpoint::rtt(const NodeKey& peer) const { return core_->peers().rtt(peer); }
Figures Endpoint::figures() const { return core_->figures(); }

void Endpoint::send() {
  for (auto& datagram : core_->take_outgoing()) socket_.send(datagram.to, datagram.bytes, 0, datagram.from);
}

void Endpoint::flush() {
  send();
  auto alive = alive_;
  for (auto& seen : core_->take_observed()) {
    auto observed = observed_;
    if (observed) observed(seen.by, seen.by_at, seen.us);
    if (!*alive) return;
  }
  for (auto& finished : core_->take_finished()) {
    auto found = waiting_.find(finished.exchange);
    if (found == waiting_.end()) continue;
    auto done = std::move(found->second);
    waiting_.erase(found);
    done(std::move(finished.answer));
    if (!*alive) return;
  }
  core_->prepare(clock_.now());
  arm();
}

void Endpoint::arm() {
  auto when = core_->finished_waiting() ? clock_.now() : core_->deadline();
  if (alarm_ && when == armed_) return;
  if (alarm_) clock_.cancel(*alarm_);
  alarm_.reset();
  armed_ = when;
  if (when == TimePoint::max()) return;
  alarm_ = clock_.at(when, [this] {
    alarm_.reset();
    core_->tick({clock_.now(), clock_.unix_now()});
    flush();
  });
}

}  // namespace conclave::oneshot
