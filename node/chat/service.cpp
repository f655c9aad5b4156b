#include "node/chat/service.hpp"

#include <algorithm>

namespace conclave::chat {
namespace asio = boost::asio;

Service::Service(Parts parts, Random& random)
    : parts_(std::move(parts)),
      rounds_(random),
      due_(parts_.executor, parts_.clock),
      scope_(parts_.executor, parts_.clock) {}
Service::~Service() = default;

asio::awaitable<Result<>> Service::start() {
  auto own = parts_.self;
  CO_TRY(auto waiting, co_await parts_.store.transact<std::vector<Journal::Waiting>>(
                           [own](store::Database& db) { return Journal(db, own).waiting(); }));
  for (auto& one : waiting) rounds_.want(one.account, parts_.clock.now());
  scope_.start(drive());
  co_return Result<>();
}

asio::awaitable<void> Service::close() {
  for (auto& [node, session] : outbound_)
    if (session) session->end();
  for (auto& weak : inbound_)
    if (auto session = weak.lock()) session->end();
  co_await scope_.close();
  outbound_.clear();
}

asio::awaitable<void> Service::drive() {
  for (;;) {
    while (auto account = rounds_.next(parts_.clock.now())) scope_.start(attempt(*account));
    co_await due_.wait_until(rounds_.wake());
  }
}

/// One round for one account: whoever is connected gets a stream; where that is not enough, we go and look.
asio::awaitable<void> Service::attempt(AccountKey account) {
  auto outcome = Rounds::Outcome::nothing_waits;
  auto standing = parts_.company.standing(account);
  if (standing == Standing::contact || standing == Standing::own) {
    bool greeting = to_greet_.erase(account) > 0;
    talk(account, parts_.company.connected(account));
    auto lacking = co_await waiting(account);
    bool lacks = !lacking || !covered(*lacking);
    if (greeting || lacks) {
      auto reached = co_await parts_.company.reach(account);
      talk(account, reached);
      // Which nodes there are may be known only now.
      lacking = co_await waiting(account);
      lacks = !lacking || !covered(*lacking);
      if (lacks) outcome = reached.empty() ? Rounds::Outcome::not_reached : Rounds::Outcome::partly_reached;
    }
    if (!lacks && lacking && !lacking->empty()) outcome = Rounds::Outcome::handed_over;
  }
  rounds_.ended(account, outcome, parts_.clock.now());
  due_.ring();
}

asio::awaitable<Result<std::vector<NodeKey>>> Service::waiting(AccountKey account) {
  CO_TRY(auto everybody,
         co_await parts_.store.transact<std::vector<Journal::Waiting>>(
             [own = parts_.self](store::Database& db) { return Journal(db, own).waiting(); }));
  std::vector<NodeKey> nodes;
  for (auto& one : everybody)
    if (one.account == account) nodes.push_back(one.node);
  co_return nodes;
}

bool Service::covered(std::span<const NodeKey> nodes) const {
  return std::ranges::all_of(nodes, [this](auto& node) { return outbound_.contains(node); });
}

void Service::talk(const AccountKey& account, std::span<const NodeKey> nodes) {
  for (auto& node : nodes) {
    // A peer that was restarted comes over a new connection; the stream on the old one is dead and does not know it.
    auto found = outbound_.find(node);
    if (found != outbound_.end() && found->second && found->second->link() != parts_.company.link(node)) {
      found->second->end();
      outbound_.erase(found);
    }
    if (outbound_.try_emplace(node, nullptr).second) scope_.start(session(account, node));
  }
}

asio::awaitable<void> Service::session(AccountKey account, NodeKey node) {
  auto* link = parts_.company.link(node);  // before we wait: by then there may be another one
  auto stream = co_await parts_.company.open(node);
  bool settled = false;
  bool progressed = false;
  std::shared_ptr<Outbound> session;
  if (stream) {
    session = std::make_shared<Outbound>(parts_, account, node, std::move(*stream), link);
    outbound_[node] = session;
    scope_.start(Outbound::listen(session));
    co_await Outbound::speak(session);
    settled = session->settled();
    progressed = session->progressed();
  }
  // Another stream may have taken its place.
  if (auto found = outbound_.find(node); found != outbound_.end() && found->second == session)
    outbound_.erase(found);
  if (!settled) rounds_.broke(account, progressed, parts_.clock.now());
  due_.ring();
}

asio::awaitable<void> Service::serve(NodeKey node, io::Endpoint at, std::unique_ptr<io::Stream> stream) {
  std::erase_if(inbound_, [](auto& weak) { return weak.expired(); });
  std::vector<std::shared_ptr<Inbound>> same;
  for (auto& weak : inbound_)
    if (auto other = weak.lock(); other && other->node() == node && !other->over()) same.push_back(std::move(other));
  // The oldest is the one whose connection has died, if any has.
  if (same.size() >= streams_per_node_max) same.front()->end();
  auto session = std::make_shared<Inbound>(parts_, node, at, std::move(stream));
  inbound_.push_back(session);
  scope_.start(Inbound::commit(session));
  co_await Inbound::listen(session);
}

asio::awaitable<Result<MessageId>> Service::write(AccountKey conversation, Content content) {
  auto now = parts_.clock.unix_now();
  CO_TRY(auto appended,
         co_await parts_.store.transact<Journal::Appended>(
             [own = parts_.self, conversation, content = std::move(content), now](store::Database& db) {
               return Journal(db, own).append(conversation, content, now);
             }));
  for (auto& change : appended.changes) parts_.company.tell(change, Standing::contact);
  grew(conversation);
  co_return appended.id;
}

asio::awaitable<Result<>> Service::read_all(AccountKey conversation, bool tell) {
  auto now = parts_.clock.unix_now();
  CO_TRY(auto changes, co_await parts_.store.transact<std::vector<Change>>(
                           [own = parts_.self, conversation, tell, now](store::Database& db) {
                             return Journal(db, own).read_all(conversation, tell, now);
                           }));
  if (changes.empty()) co_return Result<>();
  for (auto& change : changes) parts_.company.tell(change, Standing::contact);
  if (tell) grew(conversation);
  co_return Result<>();
}

void Service::grew(const AccountKey& conversation) {
  for (auto& [node, session] : outbound_)
    if (session && (session->account() == conversation || session->account() == parts_.self.account))
      session->grew();
  rounds_.want(conversation, parts_.clock.now());
  rounds_.want(parts_.self.account, parts_.clock.now());
  due_.ring();
}

void Service::seen(const AccountKey& account, const NodeKey& node) {
  auto standing = parts_.company.standing(account);
  if (standing != Standing::contact && standing != Standing::own) return;
  talk(account, {&node, 1});
  rounds_.hurry(account, parts_.clock.now());
  due_.ring();
}

void Service::greet(const AccountKey& account) {
  to_greet_.insert(account);
  rounds_.want(account, parts_.clock.now());
  due_.ring();
}

void Service::introduce_again() {
  for (auto& [node, session] : std::exchange(outbound_, {}))
    if (session) session->end();
}

void Service::accepted(const AccountKey& account) {
  for (auto& weak : inbound_)
    if (auto session = weak.lock(); session && session->account() == account) session->accepted();
  greet(account);
}

void Service::parted(const AccountKey& account) {
  rounds_.forget(account);
  to_greet_.erase(account);
  for (auto& [node, session] : outbound_)
    if (session && session->account() == account) session->end();
  for (auto& weak : inbound_)
    if (auto session = weak.lock(); session && session->account() == account) session->end();
}

void Service::parted(const NodeKey& node) {
  if (auto found = outbound_.find(node); found != outbound_.end() && found->second) found->second->end();
  for (auto& weak : inbound_)
    if (auto session = weak.lock(); session && session->node() == node) session->end();
}

}  // namespace conclave::chat
