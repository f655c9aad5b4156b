#include "dht/service.hpp"

#include "crypto/ensure.hpp"
#include "dht/saved_table.hpp"
#include "transport/io/event.hpp"
#include "transport/oneshot/endpoint.hpp"

#include <algorithm>

namespace conclave::dht {

namespace asio = boost::asio;

struct Service::State : std::enable_shared_from_this<State> {
  /// Somebody who waits for an operation to end.
  struct Waiter {
    Waiter(asio::any_io_executor executor, io::Clock& clock) : done(std::move(executor), clock) {}
    io::Event done;
    std::optional<Outcome> outcome;
    std::vector<Contact> closest;  ///< of the outcome: handles may be reused before the waiter runs
    OnEntry on_entry;
  };

  State(asio::any_io_executor the_executor, io::Clock& the_clock, Random& random,
        oneshot::Endpoint& the_endpoint, const NodeKey& self, const Config& config)
      : executor(std::move(the_executor)),
        clock(the_clock),
        endpoint(the_endpoint),
        parameters(config.parameters),
        contacts({self, config.nonce, {}}, config.work_bits),
        around{parameters, contacts, trust, random},
        core(around, Handle(0), clock.now()) {}

  Now now() const { return {clock.now(), clock.unix_now()}; }

  std::optional<Handle> intern(const Contact& contact) {
    if (contacts.full()) contacts.sweep([this](auto mark) { core.each_handle(mark); });
    return contacts.intern(contact);
  }

  std::optional<Bytes> answer(const NodeKey& from, const io::Endpoint& at, ByteView body);
  void ask(Ask ask);
  void answered(std::uint32_t ask, Handle to, const Result<Bytes>& body);
  std::optional<Response> understood(Handle from, ByteView body);
  void pump();
  void arm();
  void report();
  asio::awaitable<std::shared_ptr<Waiter>> wait(OperationId id, OnEntry on_entry);
  void meet(const Peer& peer, std::function<void(std::optional<Handle>)> met);

  asio::any_io_executor executor;
  io::Clock& clock;
  oneshot::Endpoint& endpoint;
  Parameters parameters;
  Contacts contacts;
  EntryTrust trust;
  Surroundings around;
  Core core;
  bool client = false;
  bool closed = false;
  std::optional<io::Clock::Alarm> alarm;
  TimePoint armed = TimePoint::max();
  std::map<OperationId, std::shared_ptr<Waiter>> waiting;
  std::map<SigningPublicKey, UnixTime> published;  ///< until when each of our entries is worth repeating
  std::uint64_t asked = 0, heard = 0, unheard = 0, served = 0;
};

namespace {

/// Body of an answer, contacts cut to what fits: those nearest to the target stay.
Bytes encode_fitting(const Contacts& contacts, const Response& response, const Key& target,
                     std::uint64_t nonce) {
  WireResponse wire{response.kind, nonce, {}, response.token, {}, response.more, response.status};
  std::size_t room = Core::answer_size_max - Core::answer_header_size;
  for (auto& record : response.records) {
    wire.entries.push_back(record->wire);
    room -= std::min<std::size_t>(room, record->size + 3u);
  }
  std::vector<Handle> nearest(response.contacts.begin(), response.contacts.end());
  std::sort(nearest.begin(), nearest.end(), [&](Handle a, Handle b) {
    return distance(contacts.position(a), target) < distance(contacts.position(b), target);
  });
  for (Handle peer : nearest) {
    auto& contact = contacts.contact(peer);
    const std::size_t size = contact.at.ip.family == io::IpAddress::Family::v4 ? 48 : 60;
    if (room < size) break;
    room -= size;
    wire.contacts.push_back(contact);
  }
  return encode(wire);
}

}  // namespace

std::optional<Bytes> Service::State::answer(const NodeKey& from, const io::Endpoint& at, ByteView body) {
  auto wire = decode_request(body);
  if (!wire) return std::nullopt;
  Asker asker;
  asker.networks = networks_of(at.ip);
  if (!wire->client)
    if (auto peer = intern({from, wire->nonce, at})) asker.peer = *peer;
  Request request{wire->kind, wire->target, wire->point, std::move(wire->have), wire->token, nullptr,
                  wire->page};
  if (wire->kind == Kind::put) {
    auto record = record_of(wire->entry);
    if (!record) return std::nullopt;
    request.record = std::move(*record);
  }
  ++served;
  auto response = core.on_request(asker, request, now());
  arm();
  return encode_fitting(contacts, response, request.target, contacts.contact(Handle(0)).nonce);
}

/// An answer, checked: contacts of private networks are believed only from within them, or strangers could
/// send us knocking at our own neighbours' doors.
std::optional<Response> Service::State::understood(Handle from, ByteView body) {
  auto wire = decode_response(body);
  if (!wire) return std::nullopt;
  const bool inside = contacts.contact(from).at.ip.private_range();
  Response out;
  out.kind = wire->kind;
  out.token = wire->token;
  out.more = wire->more;
  out.status = wire->status;
  for (auto& contact : wire->contacts) {
    if (contact.at.ip.private_range() && !inside) continue;
    if (auto peer = intern(contact)) out.contacts.push(*peer);
  }
  for (auto& entry : wire->entries)
    if (auto record = record_of(entry)) out.records.push_back(std::move(*record));
  return out;
}

void Service::State::ask(Ask ask) {
  WireRequest wire{ask.request.kind,
                   client,
                   contacts.contact(Handle(0)).nonce,
                   ask.request.target,
                   ask.request.point,
                   std::move(ask.request.have),
                   ask.request.page,
                   ask.request.token,
                   {}};
  if (ask.request.record) wire.entry = ask.request.record->wire;
  auto& to = contacts.contact(ask.to);
  ++asked;
  endpoint.request(to.node, to.at, encode(wire), ask.deadline,
                   [weak = weak_from_this(), id = ask.id, peer = ask.to](Result<Bytes> body) {
                     auto self = weak.lock();
                     if (self && !self->closed) self->answered(id, peer, body);
                   });
}

void Service::State::answered(std::uint32_t ask, Handle to, const Result<Bytes>& body) {
  auto response = body ? understood(to, *body) : std::nullopt;
  if (response) {
    ++heard;
    core.on_response(ask, to, *response, now());
  } else {
    ++unheard;
    core.on_failure(ask, now());
  }
  pump();
}

void Service::State::pump() {
  if (closed) return;
  for (auto entry = published.begin(); entry != published.end();) {
    if (entry->second > clock.unix_now()) {
      ++entry;
      continue;
    }
    core.withdraw(entry->first);
    entry = published.erase(entry);
  }
  while (auto question = core.next(now())) ask(std::move(*question));
  report();
  arm();
}

void Service::State::report() {
  for (auto& found : core.take_found()) {
    auto waiter = waiting.find(found.id);
    if (waiter == waiting.end() || !waiter->second->on_entry) continue;
    // It runs the caller's code, which may start something here: the waiter is held.
    auto held = waiter->second;
    if (auto entry = decode_entry(found.record->wire)) held->on_entry(*entry);
  }
  for (auto& outcome : core.take_outcomes()) {
    auto waiter = waiting.find(outcome.id);
    if (waiter == waiting.end()) continue;
    for (Handle peer : outcome.closest) waiter->second->closest.push_back(contacts.contact(peer));
    waiter->second->outcome = std::move(outcome);
    waiter->second->done.ring();
    waiting.erase(waiter);
  }
}

void Service::State::arm() {
  auto wake = core.wake();
  if (closed || wake == armed) return;
  if (alarm) clock.cancel(*alarm);
  alarm.reset();
  armed = wake;
  if (wake == TimePoint::max()) return;
  alarm = clock.at(std::max(wake, clock.now() + Duration(1)), [weak = weak_from_this()] {
    auto self = weak.lock();
    if (!self) return;
    self->alarm.reset();
    self->armed = TimePoint::max();
    self->pump();
  });
}

asio::awaitable<std::shared_ptr<Service::State::Waiter>> Service::State::wait(OperationId id,
                                                                              OnEntry on_entry) {
  auto waiter = std::make_shared<Waiter>(executor, clock);
  if (id == OperationId{}) co_return waiter;
  waiter->on_entry = std::move(on_entry);
  waiting[id] = waiter;
  auto self = shared_from_this();
  pump();
  while (!waiter->outcome && !closed)
    if (!co_await waiter->done.wait()) break;
  waiting.erase(id);
  co_return waiter;
}

/// A peer known by key and address only: its first answer says which position it worked for.
void Service::State::meet(const Peer& peer, std::function<void(std::optional<Handle>)> met) {
  WireRequest ping{Kind::ping, client, contacts.contact(Handle(0)).nonce, {}, {}, {}, false, 0, {}};
  endpoint.request(peer.node, peer.at, encode(ping), clock.now() + std::chrono::seconds(2),
                   [weak = weak_from_this(), peer, met = std::move(met)](Result<Bytes> body) {
                     auto self = weak.lock();
                     if (!self || self->closed) return;
                     auto wire = body ? decode_response(*body) : Result<WireResponse>(fail(body.error()));
                     met(wire ? self->intern({peer.node, wire->nonce, peer.at}) : std::nullopt);
                   });
}

Service::Service(asio::any_io_executor executor, io::Clock& clock, Random& random,
                 oneshot::Endpoint& endpoint, const NodeKey& self, const Config& config)
    : state_(std::make_shared<State>(std::move(executor), clock, random, endpoint, self, config)) {
  ensure(worked(self, config.nonce, config.work_bits), "a node has worked for its position");
  endpoint.on_request([weak = std::weak_ptr(state_)](const NodeKey& from, const io::Endpoint& at,
                                                     ByteView body) -> std::optional<Bytes> {
    auto state = weak.lock();
    return state ? state->answer(from, at, body) : std::nullopt;
  });
  state_->arm();
}

Service::~Service() {
  state_->closed = true;
  state_->endpoint.on_request({});
  if (state_->alarm) state_->clock.cancel(*state_->alarm);
  for (auto& [id, waiter] : state_->waiting) waiter->done.ring();
}

asio::awaitable<Result<>> Service::bootstrap(std::vector<Peer> peers) {
  auto state = state_;
  io::Event met(state->executor, state->clock);
  // Shared with answers that may come after this coroutine has gone.
  struct Met {
    std::vector<Handle> peers;
    std::size_t open;
    io::Event* event;
  };
  auto round = std::make_shared<Met>(Met{{}, peers.size(), &met});
  struct Leave {
    std::shared_ptr<Met> round;
    ~Leave() { round->event = nullptr; }
  } leave{round};
  for (auto& peer : peers)
    state->meet(peer, [round](std::optional<Handle> handle) {
      if (handle) round->peers.push_back(*handle);
      --round->open;
      if (round->event) round->event->ring();
    });
  // The first to answer is enough to begin with; the others get a moment, so that one liar is not our only
  // guide.
  auto patience = TimePoint::max();
  while (round->open > 0 && state->clock.now() < patience) {
    co_await met.wait_until(patience);
    if (state->closed) co_return fail(Errc::closed);
    if (!round->peers.empty() && patience == TimePoint::max())
      patience = state->clock.now() + std::chrono::milliseconds(200);
  }
  if (round->peers.empty()) co_return fail(Errc::not_found);
  auto waiter = co_await state->wait(state->core.join(round->peers, state->clock.now()), {});
  if (!waiter->outcome) co_return fail(state->closed ? Errc::closed : Errc::limit_reached);
  if (waiter->outcome->closest.empty()) co_return fail(Errc::not_found);
  co_return Result<>();
}

void Service::hear(const Peer& peer) {
  state_->meet(peer, [weak = std::weak_ptr(state_)](std::optional<Handle> handle) {
    auto state = weak.lock();
    if (!state || !handle) return;
    // Whoever stands alone joins by the first node it hears of.
    if (state->core.table().size() == 0) {
      state->core.join({&*handle, 1}, state->clock.now());
    } else {
      state->core.hear(*handle);
    }
    state->pump();
  });
}

asio::awaitable<Result<Stored>> Service::publish(SealedEntry entry) {
  auto state = state_;
  auto record = record_of(encode(entry));
  if (!record) co_return fail(record.error());
  state->core.publish_later(*record, state->clock.now());
  state->published[entry.publisher] = entry.expires;
  auto waiter = co_await state->wait(state->core.put(*record, state->clock.now()), {});
  if (!waiter->outcome) co_return fail(state->closed ? Errc::closed : Errc::limit_reached);
  if (waiter->outcome->stored == 0) co_return fail(Errc::not_found);
  co_return Stored{waiter->outcome->stored, waiter->outcome->took};
}

void Service::withdraw(const SigningPublicKey& publisher) {
  state_->published.erase(publisher);
  state_->core.withdraw(publisher);
}

asio::awaitable<Result<std::vector<SealedEntry>>> Service::read(MeetingPoint point, OnEntry on_entry) {
  auto state = state_;
  auto waiter = co_await state->wait(state->core.get({point.bytes}, state->now()), std::move(on_entry));
  if (!waiter->outcome) co_return fail(state->closed ? Errc::closed : Errc::limit_reached);
  std::vector<SealedEntry> entries;
  for (auto& record : waiter->outcome->records)
    if (auto entry = decode_entry(record->wire)) entries.push_back(std::move(*entry));
  co_return entries;
}

asio::awaitable<Result<std::vector<Contact>>> Service::find(Key key) {
  auto state = state_;
  auto waiter = co_await state->wait(state->core.find(key, state->clock.now()), {});
  if (!waiter->outcome) co_return fail(state->closed ? Errc::closed : Errc::limit_reached);
  co_return waiter->closest;
}

void Service::set_client(bool client) { state_->client = client; }

Bytes Service::save() const { return encode(saved_table(state_->core, state_->contacts)); }

Result<std::size_t> Service::load(ByteView saved) {
  TRY(auto table, decode_saved_table(saved));
  std::vector<Handle> restored;
  for (auto& entry : table.entries)
    if (auto peer = state_->intern(entry.contact)) {
      state_->core.table().restore(*peer, entry.rtt);
      restored.push_back(*peer);
    }
  if (!restored.empty()) {
    // Anchors first: who has been there longest is least likely to have come for us.
    restored.resize(std::min<std::size_t>(restored.size(), std::max<std::size_t>(table.anchors, 20)));
    state_->core.join(restored, state_->clock.now());
    state_->pump();
  }
  return table.entries.size();
}

Result<std::uint64_t> Service::nonce_of(ByteView saved) {
  TRY(auto table, decode_saved_table(saved));
  return table.nonce;
}

Figures Service::figures() const {
  auto& core = state_->core;
  Figures out;
  out.table = core.table().size();
  const double radius = core.radius();
  out.network = radius >= 1 ? static_cast<double>(out.table + 1) : state_->parameters.k / radius;
  if (core.store()) {
    out.records = core.store()->size();
    out.points = core.store()->points();
  }
  out.published = state_->published.size();
  out.operations = core.operations();
  out.asked = state_->asked;
  out.answered = state_->heard;
  out.unanswered = state_->unheard;
  out.served = state_->served;
  return out;
}

const Key& Service::position() const { return state_->contacts.position(Handle(0)); }

}  // namespace conclave::dht
