#include "node/chat/outbound.hpp"

#include "transport/wire/delimited.hpp"

namespace conclave::chat {
namespace asio = boost::asio;

Outbound::Outbound(Parts& parts, AccountKey account, NodeKey node, std::unique_ptr<io::Stream> stream,
                   const void* link)
    : parts_(parts),
      account_(account),
      node_(node),
      stream_(std::move(stream)),
      sender_(account == parts.self.account),
      work_(parts.executor, parts.clock),
      link_(link),
      proven_(parts.company.known(account, node)) {}

void Outbound::grew() {
  grew_ = true;
  work_.ring();
}

void Outbound::end() {
  if (over_) return;
  over_ = true;
  stream_->reset();
  work_.ring();
}

asio::awaitable<void> Outbound::speak(std::shared_ptr<Outbound> session) {
  auto& self = *session;
  auto& clock = self.parts_.clock;
  auto said =
      co_await wire::write_delimited(*self.stream_, encode(self.parts_.company.introduce(self.account_)));
  // To a node whose certificate we have seen, everything goes at once. Another has to show it first.
  auto deadline = clock.now() + hello_patience;
  while (said && !self.over_ && !self.proven_ && co_await self.work_.wait_until(deadline)) {
  }
  while (said && !self.over_ && self.proven_) {
    said = co_await self.catch_up();
    if (said) said = co_await self.send_ready();
    if (!said || self.over_ || self.grew_) continue;
    bool may_go = self.sender_.idle() && !self.parts_.company.kept(self.node_);
    auto until = may_go ? clock.now() + idle_patience : TimePoint::max();
    bool rung = co_await self.work_.wait_until(until);
    if (!rung && may_go && self.sender_.idle() && !self.grew_) {
      (void)co_await self.stream_->close_write();
      break;
    }
  }
  self.end();
}

/// Reads from the database what the window has room for.
asio::awaitable<Result<>> Outbound::catch_up() {
  auto own = parts_.self;
  if (std::exchange(grew_, false)) {
    CO_TRY(auto logs,
           co_await parts_.store.transact<std::vector<Journal::Progress>>(
               [own, node = node_](store::Database& db) { return Journal(db, own).progress(node); }));
    for (auto& log : logs) sender_.progress(log);
  }
  while (auto load = sender_.next_load()) {
    auto what = *load;
    CO_TRY(auto entries,
           co_await parts_.store.transact<std::vector<Journal::Own>>([own, what](store::Database& db) {
             return Journal(db, own).own_after(what.conversation, what.after, Sender::load_max);
           }));
    sender_.loaded(what, std::move(entries));
    CO_CHECK(co_await send_ready());
  }
  co_return Result<>();
}

asio::awaitable<Result<>> Outbound::send_ready() {
  std::uint64_t handed_over = 0;
  while (auto entry = sender_.next_entry()) {
    if (!entry->conversation) handed_over = entry->sequence;
    CO_CHECK(co_await wire::write_delimited(*stream_, encode(*entry)));
  }
  if (handed_over == 0) co_return Result<>();
  auto own = parts_.self;
  auto changes = co_await parts_.store.transact<std::vector<Change>>(
      [own, account = account_, handed_over](store::Database& db) {
        return Journal(db, own).handed_over(account, handed_over);
      });
  // "Sent" is a courtesy: a disk that refuses it does not stop the conversation.
  if (changes)
    for (auto& change : *changes) parts_.company.tell(change, Standing::contact);
  co_return Result<>();
}

namespace {

bool breaks_rules(const Error& error) {
  return error.category() == make_error_code(Errc::malformed).category() && error != Errc::closed &&
         error != Errc::limit_reached && error != Errc::expired;
}

}  // namespace

asio::awaitable<void> Outbound::listen(std::shared_ptr<Outbound> session) {
  auto& self = *session;
  while (!self.over_) {
    auto bytes = co_await wire::read_delimited(*self.stream_, frame_max);
    if (!bytes) break;
    auto frame = decode(*bytes);
    auto heard = frame ? co_await self.hear(std::move(*frame)) : Result<>(fail(frame.error()));
    if (!heard) {
      // A disk of ours that refuses is not the peer's fault.
      if (breaks_rules(heard.error())) self.parts_.company.misbehaved(self.node_);
      break;
    }
  }
  self.end();
}

asio::awaitable<Result<>> Outbound::hear(Frame frame) {
  if (auto* hello = std::get_if<Hello>(&frame)) {
    if (hello->from != account_ || hello->to != parts_.self.account) co_return fail(Errc::refused);
    CO_CHECK(co_await parts_.company.meet(node_, *hello, {}));
    if (!std::exchange(proven_, true)) grew_ = true;
    work_.ring();
    co_return Result<>();
  }
  auto* have = std::get_if<Have>(&frame);
  if (!have || !proven_) co_return fail(Errc::unexpected_type);
  auto confirmed = sender_.on_have(*have, account_);
  work_.ring();
  if (!confirmed) co_return Result<>();
  progressed_ = true;
  auto own = parts_.self;
  auto changes = co_await parts_.store.transact<std::vector<Change>>(
      [own, node = node_, confirmed = *confirmed](store::Database& db) {
        return Journal(db, own).acknowledged(confirmed.conversation, node, confirmed.sequence);
      });
  // Where our disk refuses, we send it again one day, and the other side knows it.
  if (changes)
    for (auto& change : *changes) parts_.company.tell(change, Standing::contact);
  work_.ring();
  co_return Result<>();
}

}  // namespace conclave::chat
