#include "node/presence.hpp"

#include <algorithm>

namespace conclave::node {
namespace asio = boost::asio;
using address::PeerAddress;

/// One search for the nodes of one account. Its coroutines ring when each of them has ended.
struct Presence::Search {
  Search(AccountKey whose, asio::any_io_executor executor, io::Clock& clock)
      : account(whose), progress(std::move(executor), clock) {}
  AccountKey account;
  std::set<std::pair<NodeKey, PeerAddress>> tried;  ///< bounded by the devices and addresses of an account
  std::size_t running = 0;
  io::Event progress;
};

/// Counts a piece of work of the search while it lives.
class Presence::Part {
 public:
  explicit Part(std::shared_ptr<Search> search) : search_(std::move(search)) { ++search_->running; }
  Part(const Part&) = delete;
  Part& operator=(const Part&) = delete;
  ~Part() {
    --search_->running;
    search_->progress.ring();
  }

 private:
  std::shared_ptr<Search> search_;
};

Presence::Presence(Parts parts)
    : parts_(std::move(parts)),
      changed_(parts_.executor, parts_.clock),
      scope_(parts_.executor, parts_.clock) {}

void Presence::start() { scope_.start(publish_loop()); }

asio::awaitable<void> Presence::close() { co_await scope_.close(); }

void Presence::set_addresses(std::vector<PeerAddress> addresses, std::vector<PeerAddress> relays) {
  if (addresses == addresses_ && relays == relays_) return;
  addresses_ = std::move(addresses);
  relays_ = std::move(relays);
  changed_.ring();
}

asio::awaitable<void> Presence::publish_loop() {
  for (;;) {
    auto now = parts_.clock.unix_now();
    auto next = std::min(now + renewal, next_publish_change(now));
    bool stored = false;
    for (auto day : days_to_publish(now)) stored = publish(day).has_value() || stored;
    if (stored) published_at_ = now;
    auto pause = std::chrono::duration_cast<Duration>(std::chrono::milliseconds(next.ms - now.ms + 1));
    if (co_await changed_.wait_until(parts_.clock.now() + pause)) {
      // Addresses tend to come in company: wait for the rest of them.
      co_await io::sleep_until(parts_.clock, parts_.clock.now() + std::chrono::milliseconds(200));
    }
  }
}

Result<> Presence::publish(Day day) {
  if (addresses_.empty() && relays_.empty()) return fail(conclave::Errc::not_found);
  EntryContent content;
  content.node = parts_.keys.public_key();
  content.proof = encode(parts_.certificate);
  for (auto& one : addresses_)
    if (content.addresses.size() < EntryContent::addresses_max)
      content.addresses.push_back(one.multiaddr().encode());
  for (auto& one : relays_)
    if (content.relays.size() < EntryContent::relays_max) content.relays.push_back(one.multiaddr().encode());
  auto now = parts_.clock.unix_now();
  auto& account = parts_.certificate.account;
  auto entry = seal_entry(MeetingKind::account, account, day, content, parts_.keys,
                          static_cast<std::uint64_t>(now.ms), now + 2 * renewal, parts_.random);
  // Many long addresses do not fit: the best ones come first.
  while (!entry && entry.error() == conclave::Errc::too_long && content.addresses.size() > 1) {
    content.addresses.pop_back();
    entry = seal_entry(MeetingKind::account, account, day, content, parts_.keys,
                       static_cast<std::uint64_t>(now.ms), now + 2 * renewal, parts_.random);
  }
  if (!entry) return fail(entry.error());
  parts_.points.publish(*entry);
  return {};
}

std::vector<NodeKey> Presence::connected(const AccountKey& account) const {
  std::vector<NodeKey> out;
  for (auto& [node, device] : parts_.roster.devices(account))
    if (parts_.swarm.find(node)) out.push_back(node);
  // Named by a link, and not seen to be the account's yet: chat asks such a node for its certificate.
  for (auto& [node, addresses] : hints(account))
    if (parts_.swarm.find(node)) out.push_back(node);
  return out;
}

std::map<NodeKey, std::vector<PeerAddress>> Presence::hints(const AccountKey& account) const {
  auto found = hints_.find(account);
  if (found == hints_.end()) return {};
  for (auto& [node, device] : parts_.roster.devices(account))
    if (node != parts_.keys.public_key()) return {};
  return found->second;
}

bool Presence::all_connected(const AccountKey& account) const {
  auto devices = parts_.roster.devices(account);
  std::size_t others = 0;
  for (auto& [node, device] : devices) {
    if (node == parts_.keys.public_key()) continue;
    ++others;
    if (!parts_.swarm.find(node)) return false;
  }
  return others > 0;
}

void Presence::hint(const AccountKey& account, const NodeKey& node, PeerAddress address) {
  auto& hints = hints_[account];
  if (hints.size() >= Link::nodes_max && !hints.contains(node)) return;
  auto& addresses = hints[node];
  if (addresses.size() < EntryContent::addresses_max) addresses.push_back(std::move(address));
}

asio::awaitable<std::vector<NodeKey>> Presence::reach(AccountKey account) {
  auto now = parts_.clock.now();
  auto last = searched_.find(account);
  bool all_there = all_connected(account);
  if (all_there && last != searched_.end() && now - last->second < search_again) co_return connected(account);
  searched_[account] = now;
  auto search = std::make_shared<Search>(account, parts_.executor, parts_.clock);
  bool remembered = false;
  for (auto& [node, device] : parts_.roster.devices(account)) {
    if (node == parts_.keys.public_key() || parts_.swarm.find(node)) continue;
    begin(search, dial_remembered(search, node));
    remembered = true;
  }
  for (auto& [node, addresses] : hints(account))
    if (!parts_.swarm.find(node)) begin(search, dial(search, node, addresses));
  begin(search, read_points(search, remembered ? head_start : Duration(0)));
  auto deadline = now + search_patience;
  while (search->running > 0 && co_await search->progress.wait_until(deadline)) {
  }
  co_return connected(account);
}

void Presence::begin(const std::shared_ptr<Search>& search, asio::awaitable<void> work) {
  scope_.start(run(std::make_shared<Part>(search), std::move(work)));
}

asio::awaitable<void> Presence::run(std::shared_ptr<Part>, asio::awaitable<void> work) {
  co_await std::move(work);
}

asio::awaitable<void> Presence::dial_remembered(std::shared_ptr<Search> search, NodeKey node) {
  auto texts = co_await parts_.roster.addresses(node);
  if (!texts) co_return;
  std::vector<PeerAddress> addresses;
  for (auto& text : *texts)
    if (auto one = PeerAddress::parse(text)) addresses.push_back(*one);
  co_await dial(search, node, std::move(addresses));
}

asio::awaitable<void> Presence::dial(std::shared_ptr<Search> search, NodeKey node,
                                     std::vector<PeerAddress> addresses) {
  std::erase_if(addresses, [&](auto& one) { return !search->tried.emplace(node, one).second; });
  if (addresses.empty() || parts_.swarm.find(node)) co_return;
  auto made = co_await parts_.swarm.dial(node, addresses, parts_.clock.now() + dial_patience);
  if (!made) co_return;
  parts_.reached(search->account, node);
  if (!parts_.roster.holds(search->account, node)) co_return;
  std::vector<std::string> texts;
  for (auto& one : addresses) texts.push_back(one.text());
  (void)co_await parts_.roster.learn_addresses(node, std::move(texts));
}

asio::awaitable<void> Presence::read_points(std::shared_ptr<Search> search, Duration wait) {
  if (wait > Duration(0)) {
    co_await io::sleep_until(parts_.clock, parts_.clock.now() + wait);
    if (all_connected(search->account)) co_return;
  }
  for (auto day : days_to_read(parts_.clock.unix_now())) begin(search, read_point(search, day));
}

asio::awaitable<void> Presence::read_point(std::shared_ptr<Search> search, Day day) {
  std::weak_ptr<Search> weak = search;
  co_await parts_.points.read(meeting_point(search->account, day),
                              [this, weak, day](const SealedEntry& entry) {
                                if (auto still = weak.lock()) found(still, day, entry);
                              });
}

void Presence::found(const std::shared_ptr<Search>& search, Day day, const SealedEntry& entry) {
  auto revocations = parts_.roster.revocations(search->account);
  auto opened = open_account_entry(search->account, day, entry, parts_.clock.unix_now(), revocations);
  // Noise: anybody may leave something at a meeting point.
  if (!opened || opened->content.node == parts_.keys.public_key()) return;
  begin(search, follow(search, std::move(*opened)));
}

asio::awaitable<void> Presence::follow(std::shared_ptr<Search> search, AccountEntry entry) {
  auto node = entry.content.node;
  co_await parts_.learned(std::move(entry.certificate));
  std::vector<PeerAddress> addresses;
  for (auto* list : {&entry.content.addresses, &entry.content.relays}) {
    for (auto& bytes : *list) {
      auto decoded = address::Multiaddr::decode(bytes);
      if (!decoded) continue;
      if (auto one = PeerAddress::from(*decoded)) addresses.push_back(*one);
    }
  }
  co_await dial(search, node, std::move(addresses));
}

void Presence::touched(const AccountKey& account) {
  touched_[account] = parts_.clock.now();
  links_changed();
}

void Presence::links_changed() {
  // Our own devices first, then contacts by how lately we had to do with them.
  std::multimap<std::pair<int, Duration>, NodeKey> candidates;
  for (auto& connection : parts_.swarm.connections()) {
    auto account = parts_.roster.account_of(connection->peer());
    if (!account) continue;
    auto* person = parts_.roster.find(*account);
    bool own = *account == parts_.certificate.account;
    if (!own && (!person || person->standing != contacts::Standing::contact || person->blocked)) continue;
    auto touched = touched_.find(*account);
    auto ago = touched == touched_.end() ? Duration::max() : parts_.clock.now() - touched->second;
    candidates.emplace(std::pair(own ? 0 : 1, ago), connection->peer());
  }
  std::set<NodeKey> keep;
  for (auto& [rank, node] : candidates)
    if (keep.size() < links_max) keep.insert(node);
  for (auto& node : keep)
    if (!kept_.contains(node)) parts_.swarm.keep(node);
  for (auto& node : kept_)
    if (!keep.contains(node)) parts_.swarm.release(node);
  kept_ = std::move(keep);
}

}  // namespace conclave::node
