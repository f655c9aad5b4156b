#include "node/chat/inbound.hpp"

#include "transport/wire/delimited.hpp"

#include <set>

namespace conclave::chat {
namespace asio = boost::asio;

Inbound::Inbound(Parts& parts, NodeKey node, io::Endpoint at, std::unique_ptr<io::Stream> stream)
    : parts_(parts), node_(node), at_(at), stream_(std::move(stream)), work_(parts.executor, parts.clock) {}

void Inbound::accepted() {
  // What was dropped comes again on a new stream, from where we are.
  if (dropped_) return end();
  have_asked_ = true;
  work_.ring();
}

void Inbound::end() {
  if (over_) return;
  over_ = true;
  stream_->reset();
  work_.ring();
}

asio::awaitable<void> Inbound::listen(std::shared_ptr<Inbound> session) {
  auto& self = *session;
  std::weak_ptr<Inbound> weak = session;
  auto watchdog = self.parts_.clock.at(self.parts_.clock.now() + hello_patience, [weak] {
    if (auto late = weak.lock(); late && !late->account_) late->end();
  });
  auto greeted = co_await self.greet();
  self.parts_.clock.cancel(watchdog);
  if (!greeted) {
    self.end();
    co_return;
  }
  while (!self.over_) {
    auto bytes = co_await wire::read_delimited(*self.stream_, frame_max);
    if (!bytes) {
      // What has come before a proper end is still committed and acknowledged.
      self.ended_ = true;
      if (bytes.error() != Errc::end_of_stream) self.end();
      self.work_.ring();
      co_return;
    }
    if (!self.hear(*bytes)) {
      self.parts_.company.misbehaved(self.node_);
      self.end();
    }
  }
}

asio::awaitable<Result<>> Inbound::greet() {
  CO_TRY(auto bytes, co_await wire::read_delimited(*stream_, frame_max));
  auto frame = decode(bytes);
  auto* hello = frame ? std::get_if<Hello>(&*frame) : nullptr;
  if (!hello) {
    parts_.company.misbehaved(node_);
    co_return fail(Errc::malformed);
  }
  // Somebody who does not know whose node this is does not learn it here.
  if (hello->to != parts_.self.account) co_return fail(Errc::refused);
  CO_TRY(auto standing, co_await parts_.company.meet(node_, *hello, at_));
  account_ = hello->from;
  to_say_.push_back(parts_.company.introduce(*account_));
  have_asked_ = standing == Standing::contact || standing == Standing::own;
  work_.ring();
  co_return Result<>();
}

Result<> Inbound::hear(ByteView bytes) {
  TRY(auto frame, decode(bytes));
  auto* entry = std::get_if<Entry>(&frame);
  if (!entry) return fail(Errc::unexpected_type);
  // Only our own devices speak of conversations with others.
  bool own = *account_ == parts_.self.account;
  if (entry->conversation.has_value() != own) return fail(Errc::malformed);
  if (own && *entry->conversation == parts_.self.account) return fail(Errc::malformed);
  CHECK(receiver_.on_entry(std::move(*entry)));
  work_.ring();
  return {};
}

asio::awaitable<void> Inbound::commit(std::shared_ptr<Inbound> session) {
  auto& self = *session;
  Result<> done;
  while (done && !self.over_) {
    if (!self.to_say_.empty()) {
      auto frame = std::move(self.to_say_.front());
      self.to_say_.pop_front();
      done = co_await wire::write_delimited(*self.stream_, encode(frame));
    } else if (std::exchange(self.have_asked_, false)) {
      done = co_await self.tell_have();
    } else if (auto batch = self.receiver_.next_batch(); !batch.empty()) {
      done = co_await self.commit_batch(std::move(batch));
    } else if (self.ended_) {
      (void)co_await self.stream_->close_write();
      break;
    } else {
      co_await self.work_.wait();
    }
  }
  // Where the disk refuses, the peer keeps what it could not leave, and comes again.
  self.end();
}

asio::awaitable<Result<>> Inbound::tell_have() {
  auto own = parts_.self;
  auto conversation = *account_;
  bool devices = conversation == own.account;
  CO_TRY(auto logs,
         co_await parts_.store.transact<std::vector<Have>>(
             [own, conversation, devices, node = node_](store::Database& db) -> Result<std::vector<Have>> {
               Journal journal(db, own);
               if (devices) return journal.all_of(node);
               TRY(auto have, journal.have(conversation, node));
               return std::vector<Have>{{std::nullopt, have}};
             }));
  for (auto& have : logs) to_say_.push_back(have);
  co_return Result<>();
}

asio::awaitable<Result<>> Inbound::commit_batch(std::vector<Entry> batch) {
  auto standing = parts_.company.standing(*account_);
  if (standing == Standing::blocked) {
    (void)receiver_.committed({});
    dropped_ = true;
    co_return Result<>();
  }
  std::set<AccountKey> named;
  for (auto& entry : batch)
    if (entry.conversation) named.insert(*entry.conversation);
  for (auto& conversation : named) CO_CHECK(co_await parts_.company.befriend(conversation));

  struct Outcome {
    std::map<std::optional<AccountKey>, std::uint64_t> have;
    std::vector<Change> changes;
    bool dropped = false;
  };
  bool stranger = standing == Standing::stranger;
  auto now = parts_.clock.unix_now();
  CO_TRY(auto outcome, co_await parts_.store.transact<Outcome>(
                           [own = parts_.self, author = *account_, node = node_, stranger, now,
                            batch = std::move(batch)](store::Database& db) -> Result<Outcome> {
                             Journal journal(db, own);
                             Outcome out;
                             for (auto& entry : batch) {
                               TRY(auto accepted, journal.accept(entry.conversation.value_or(author), author,
                                                                 node, entry, now, stranger));
                               out.have[entry.conversation] = accepted.have;
             out.dropped = out.dropped || accepted.verdict == Verdict::dropped;
                               std::ranges::move(accepted.changes, std::back_inserter(out.changes));
                             }
                             return out;
                           }));
  dropped_ = dropped_ || outcome.dropped;
  for (auto& have : receiver_.committed(outcome.have))
    if (!stranger) to_say_.push_back(have);
  for (auto& change : outcome.changes) parts_.company.tell(change, standing);
  co_return Result<>();
}

}  // namespace conclave::chat
