#include "transport/tcp/link.hpp"

#include "transport/tcp/link_stream.hpp"

namespace conclave::tcp {
namespace asio = boost::asio;
namespace {

constexpr std::size_t input_max = 4 * record_max;
constexpr std::size_t records_per_write = 4;
constexpr std::size_t output_max = records_per_write * record_max;

/// Runs when its coroutine ends, also by cancellation.
template <class F>
struct AtEnd {
  F act;
  ~AtEnd() { act(); }
};
template <class F>
AtEnd(F) -> AtEnd<F>;

}  // namespace

Link::Link(const LinkSettings& settings, Yamux::Role role, std::unique_ptr<io::Stream> pipe,
           Handshake::Outcome outcome)
    : settings_(settings),
      pipe_(std::move(pipe)),
      seal_(std::move(outcome.send)),
      open_(std::move(outcome.receive)),
      yamux_(role, settings.limits, settings.clock.now()),
      arrival_(settings.executor, settings.clock),
      work_(settings.executor, settings.clock),
      watch_(settings.executor, settings.clock),
      behind_(std::move(outcome.behind)),
      behind_plain_(std::move(outcome.behind_plain)) {}

Link::~Link() = default;

void Link::start() {
  settings_.scope.start(read_loop(shared_from_this()));
  settings_.scope.start(write_loop(shared_from_this()));
  settings_.scope.start(watch_loop(shared_from_this()));
}

// ---- The three coroutines.

asio::awaitable<void> Link::read_loop(Self self) {
  AtEnd ended{[&] { self->end(); }};
  // Untouched pages of a large buffer cost nothing: an idle connection uses the first one.
  self->input_ = std::make_unique_for_overwrite<Byte[]>(input_max);
  self->input_size_ = self->behind_.size();
  std::copy(self->behind_.begin(), self->behind_.end(), self->input_.get());
  auto good = self->yamux_.receive(std::exchange(self->behind_plain_, {}), self->now());
  Bytes().swap(self->behind_);
  for (;;) {
    if (good && !self->failed_) good = self->read_records();
    self->dispatch();
    self->wake_writer();
    if (!good && !self->failed_) {
      self->failed_ = true;
      self->yamux_.go_away(YamuxHeader::protocol_error);
      self->close();
    }
    if (self->failed_) self->input_size_ = 0;
    MutableBytes space(self->input_.get() + self->input_size_, input_max - self->input_size_);
    auto more = co_await self->pipe_->read_some(space);
    if (!more) co_return;
    self->input_size_ += *more;
  }
}

/// Every complete record of the input; the beginning of the next one moves to the front.
Result<> Link::read_records() {
  MutableBytes rest(input_.get(), input_size_);
  while (auto record = next_record(rest)) {
    rest = rest.subspan(record_prefix + record->size());
    TRY(auto plain, open_.open(*record));
    CHECK(yamux_.receive(plain, now()));
  }
  std::memmove(input_.get(), rest.data(), rest.size());
  input_size_ = rest.size();
  return {};
}

asio::awaitable<void> Link::write_loop(Self self) {
  for (;;) {
    while (!self->yamux_.pending()) {
      if (self->over_) {
        co_await self->pipe_->close_write();
        co_return;
      }
      co_await self->work_.wait();
    }
    auto size = self->fill_output();
    self->dispatch();
    if (size == 0) continue;
    self->writing_since_ = self->now();
    auto written = co_await self->pipe_->write_all({self->output_.get(), size});
    self->writing_since_.reset();
    if (!written) {
      self->end();
      co_return;
    }
  }
}

std::size_t Link::fill_output() {
  if (!output_) output_ = std::make_unique_for_overwrite<Byte[]>(output_max);
  std::size_t size = 0;
  for (std::size_t i = 0; i < records_per_write && yamux_.pending(); ++i) {
    auto* record = output_.get() + size;
    auto plain = yamux_.produce({record + record_prefix, record_plain_max}, now());
    if (plain == 0) break;
    size += seal_.seal(record, plain);
  }
  return size;
}

asio::awaitable<void> Link::watch_loop(Self self) {
  while (!self->over_) {
    auto now = self->now();
    bool stuck = self->writing_since_ && now - *self->writing_since_ > write_patience;
    if (stuck || !self->yamux_.expire(now)) {
      self->end();
      co_return;
    }
    self->wake_writer();
    // Once a ping is on its way the deadline is nearer: look again within that patience.
    co_await self->watch_.wait_until(
        std::min(self->yamux_.deadline(), now + self->settings_.limits.ping_patience));
  }
}

// ---- Streams.

/// Tells the coroutines what yamux has found out, and starts one for every stream that the peer opened.
void Link::dispatch() {
  if (!yamux_.has_events()) return;
  for (const auto& event : yamux_.take_events()) {
    if (event.what == Yamux::Event::What::opened) {
      lanes_.emplace(event.stream, std::make_shared<Lane>(settings_.executor, settings_.clock));
      settings_.scope.start(welcome(shared_from_this(), event.stream));
      continue;
    }
    auto lane = lanes_.find(event.stream);
    if (lane == lanes_.end()) continue;
    (event.what == Yamux::Event::What::readable ? lane->second->readable : lane->second->drained).ring();
  }
}

/// Finds out which protocol the peer wants on a stream that it opened, and hands the stream out.
asio::awaitable<void> Link::welcome(Self self, YamuxId id) {
  auto lane = self->lanes_.at(id);
  auto stream = std::make_unique<LinkStream>(self, id, lane);
  auto deadline = self->now() + naming_patience;
  Choice choice(self->settings_.speaks);
  for (;;) {
    auto protocol = self->hear_choice(id, *lane, choice);
    if (!protocol) co_return;
    if (*protocol) {
      self->arrived_.push_back({std::move(**protocol), std::move(stream)});
      self->arrival_.ring();
      co_return;
    }
    if (self->over_ || !co_await lane->readable.wait_until(deadline)) co_return;
  }
}

Result<std::optional<std::string>> Link::hear_choice(YamuxId id, Lane& lane, Choice& choice) {
  TRY(auto used, choice.receive(yamux_.unread(id)));
  yamux_.consume(id, used, now());
  say(id, lane, choice.take_reply());
  if (choice.chosen()) return choice.chosen();
  CHECK(yamux_.status(id));
  return std::nullopt;
}

void Link::say(YamuxId id, Lane& lane, Bytes bytes) {
  if (bytes.empty() || yamux_.write_ended(id)) return;
  yamux_.lend(id, lane.said.emplace_back(std::move(bytes)));
  wake_writer();
}

Result<std::unique_ptr<io::Stream>> Link::open(std::string protocol) {
  if (over_) return fail(Errc::closed);
  if (protocol.size() > protocol_name_max) return fail(Errc::too_long);
  TRY(auto id, yamux_.open());
  auto lane = lanes_.emplace(id, std::make_shared<Lane>(settings_.executor, settings_.clock)).first->second;
  lane->proposal.emplace(std::move(protocol));
  say(id, *lane, lane->proposal->opening());
  return std::make_unique<LinkStream>(shared_from_this(), id, lane);
}

asio::awaitable<Result<io::Connection::Incoming>> Link::accept() {
  auto self = shared_from_this();
  while (self->arrived_.empty()) {
    if (self->over_) co_return fail(Errc::closed);
    co_await self->arrival_.wait();
  }
  auto incoming = std::move(self->arrived_.front());
  self->arrived_.pop_front();
  co_return incoming;
}

void Link::drop_unaccepted() {
  auto unaccepted = std::exchange(arrived_, {});
  // Their destructors come back here.
}

// ---- The end.

void Link::close() {
  if (over_) return;
  over_ = true;
  yamux_.go_away(YamuxHeader::normal);
  linger_alarm_ = settings_.clock.at(now() + linger, [weak = weak_from_this()] {
    auto self = weak.lock();
    if (!self) return;
    self->linger_alarm_.reset();
    self->end();
  });
  wake_all();
}

/// The pipe is gone, or has to go.
void Link::end() {
  if (linger_alarm_) settings_.clock.cancel(*std::exchange(linger_alarm_, std::nullopt));
  over_ = true;
  pipe_->reset();
  wake_all();
}

void Link::wake_all() {
  for (auto& [id, lane] : lanes_) {
    yamux_.take_back(id);
    lane->readable.ring();
    lane->drained.ring();
  }
  arrival_.ring();
  work_.ring();
  watch_.ring();
  for (auto& waiter : std::exchange(waiting_for_end_, {})) waiter->ring();
  if (auto act = std::exchange(on_over_, nullptr)) act();
}

void Link::on_over(std::function<void()> act) {
  if (over_) return act();
  on_over_ = std::move(act);
}

void Link::wake_writer() {
  if (yamux_.pending()) work_.ring();
}

asio::awaitable<void> Link::wait_over() {
  auto self = shared_from_this();
  while (!self->over_) {
    auto ended = std::make_shared<io::Event>(self->settings_.executor, self->settings_.clock);
    self->waiting_for_end_.push_back(ended);
    co_await ended->wait();
  }
}

}  // namespace conclave::tcp
