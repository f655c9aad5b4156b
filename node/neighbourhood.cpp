#include "node/neighbourhood.hpp"

#include "crypto/codec/msgpack.hpp"
#include "node/worker.hpp"

#include <algorithm>

namespace conclave::node {
namespace asio = boost::asio;

namespace {

constexpr std::size_t recent_max = 64;
/// So many tries of a nonce are made at a time where there is no worker.
constexpr std::uint64_t tries_at_once = 1 << 14;
constexpr const char* table_setting = "dht_table";
constexpr const char* peers_setting = "dht_peers";

using PeersWire = std::vector<std::tuple<NodeKey, std::string>>;

Bytes encode_peers(const std::vector<dht::Peer>& peers) {
  PeersWire wire;
  for (auto& peer : peers) wire.emplace_back(peer.node, peer.at.text());
  return codec::pack(wire);
}

std::vector<dht::Peer> decode_peers(ByteView in) {
  std::vector<dht::Peer> out;
  auto wire = codec::unpack<PeersWire>(in);
  if (!wire) return out;
  for (auto& [node, at] : *wire)
    if (auto endpoint = io::Endpoint::parse(at)) out.push_back({node, *endpoint});
  return out;
}

struct Remembered {
  Bytes table;
  Bytes peers;
};

}  // namespace

Neighbourhood::Neighbourhood(Parts parts)
    : parts_(std::move(parts)),
      heard_(parts_.executor, parts_.clock),
      unheld_(parts_.executor, parts_.clock),
      scope_(parts_.executor, parts_.clock) {}

asio::awaitable<Result<>> Neighbourhood::start() {
  CO_TRY(auto remembered,
         co_await parts_.store.transact<Remembered>([](store::Database& db) -> Result<Remembered> {
           Remembered out;
           CHECK(db.each("SELECT name, value FROM setting WHERE name IN (?, ?)",
                         {table_setting, peers_setting}, [&](const store::Row& row) {
                           (row.text(0) == table_setting ? out.table : out.peers) = copy(row.blob(1));
                           return true;
                         }));
           return out;
         }));
  for (auto& peer : decode_peers(remembered.peers)) hear(peer);
  scope_.start(run(std::move(remembered.table)));
  co_return Result<>();
}

asio::awaitable<void> Neighbourhood::close() {
  co_await scope_.close();
  if (dht_) co_await save();
  dht_.reset();
}

asio::awaitable<std::uint64_t> Neighbourhood::work(Bytes saved) {
  auto before = dht::Service::nonce_of(saved);
  if (before && dht::worked(parts_.node, *before, parts_.work_bits)) co_return *before;
  // Seconds of computing on a slow machine, once in the life of a node.
  auto from = parts_.random.next() >> 1;
  for (;; from += tries_at_once) {
    auto found = std::make_shared<std::optional<std::uint64_t>>();
    auto tries = parts_.worker ? std::uint64_t{1} << 24 : tries_at_once;
    auto search = [node = parts_.node, bits = parts_.work_bits, from, tries, found]() -> Result<> {
      *found = dht::find_nonce(node, bits, from, tries);
      return {};
    };
    if (parts_.worker) {
      (void)co_await on_worker(parts_.executor, search);
    } else {
      (void)search();
    }
    if (*found) co_return **found;
    from += tries;
  }
}

asio::awaitable<void> Neighbourhood::run(Bytes saved) {
  dht::Service::Config config;
  config.work_bits = parts_.work_bits;
  config.nonce = co_await work(saved);
  dht_ = std::make_unique<dht::Service>(parts_.executor, parts_.clock, parts_.random, parts_.oneshot,
                                        parts_.node, config);
  dht_->set_client(client_);
  if (!saved.empty()) (void)dht_->load(saved);
  scope_.start(spread());
  scope_.start(save_loop());
  co_await enter();
}

asio::awaitable<void> Neighbourhood::enter() {
  auto pause = retry_first;
  for (;;) {
    if (!peers_.empty() && dht_->figures().table < 3) {
      auto entered = co_await dht_->bootstrap(peers_);
      if (entered) {
        pause = retry_first;
        co_await save();
      }
    }
    bool alone = dht_->figures().table == 0;
    // In company, this looks once in a while whether we still are.
    auto wait = alone && !peers_.empty() ? pause : save_every;
    if (co_await heard_.wait_until(parts_.clock.now() + wait)) {
      pause = retry_first;
    } else {
      pause = std::min<Duration>(pause * 2, retry_last);
    }
  }
}

void Neighbourhood::hear(const dht::Peer& peer) {
  if (peer.node == parts_.node) return;
  bool known = std::erase_if(peers_, [&](auto& one) { return one.node == peer.node; }) > 0;
  peers_.push_back(peer);
  if (peers_.size() > peers_max) peers_.erase(peers_.begin());
  if (dht_) dht_->hear(peer);
  if (!known) heard_.ring();
}

bool Neighbourhood::knows_somebody() const { return !peers_.empty() || (dht_ && dht_->figures().table > 0); }

void Neighbourhood::set_client(bool client) {
  client_ = client;
  if (dht_) dht_->set_client(client);
}

asio::awaitable<void> Neighbourhood::read(MeetingPoint point, std::function<void(const SealedEntry&)> found) {
  // A node that has just started is about to enter.
  auto until = parts_.clock.now() + std::chrono::seconds(5);
  while (parts_.clock.now() < until && (!dht_ || (dht_->figures().table == 0 && !peers_.empty())))
    co_await io::sleep_until(parts_.clock, parts_.clock.now() + std::chrono::milliseconds(20));
  if (!dht_) co_return;
  auto begin = parts_.clock.now();
  std::optional<TimePoint> first;
  (void)co_await dht_->read(point, [&](const SealedEntry& entry) {
    if (!first) first = parts_.clock.now();
    found(entry);
  });
  ++lookups_;
  if (recent_.size() >= recent_max) recent_.erase(recent_.begin());
  recent_.push_back(first.value_or(parts_.clock.now()) - begin);
}

void Neighbourhood::publish(SealedEntry entry) {
  auto now = parts_.clock.unix_now();
  std::erase_if(entries_, [&](auto& old) { return old.second.entry.expires < now; });
  if (dht_) scope_.start(put_first(entry));
  auto publisher = entry.publisher;
  entries_.insert_or_assign(publisher, Own{std::move(entry)});
}

bool Neighbourhood::published() const {
  return !entries_.empty() && std::ranges::all_of(entries_, [](auto& own) { return own.second.holders > 0; });
}

asio::awaitable<void> Neighbourhood::put_first(SealedEntry entry) {
  auto publisher = entry.publisher;
  co_await put(std::move(entry));
  auto own = entries_.find(publisher);
  if (own != entries_.end() && own->second.holders == 0) unheld_.ring();
}

asio::awaitable<void> Neighbourhood::put(SealedEntry entry) {
  auto publisher = entry.publisher;
  auto stored = co_await dht_->publish(std::move(entry));
  auto own = entries_.find(publisher);
  if (stored && own != entries_.end()) own->second.holders = stored->holders;
}

/// A node that was here first, or entered a network that is just forming, has found few to keep its entries.
asio::awaitable<void> Neighbourhood::spread() {
  auto pause = retry_first;
  for (int quick = quick_tries;;) {
    bool tried = false;
    for (auto& [publisher, own] : std::map(entries_)) {
      if (own.holders >= holders_wanted || dht_->figures().table <= own.holders) continue;
      tried = true;
      co_await put(own.entry);
    }
    // Nobody finds us until somebody keeps it; alone, there is nothing to do, and the first company is looked for often.
    bool hurry = dht_->figures().table == 0 || (!published() && quick > 0);
    if (tried && !hurry) pause = std::min<Duration>(pause * 2, save_every);
    if (tried && hurry) --quick;
    if (co_await unheld_.wait_until(parts_.clock.now() + (hurry ? retry_first : pause))) {
      pause = retry_first;
      quick = quick_tries;
    }
  }
}

asio::awaitable<void> Neighbourhood::save_loop() {
  for (;;) {
    co_await io::sleep_until(parts_.clock, parts_.clock.now() + save_every);
    co_await save();
  }
}

asio::awaitable<void> Neighbourhood::save() {
  (void)co_await parts_.store.post([table = dht_->save(),
                                    peers = encode_peers(peers_)](store::Database& db) -> Result<> {
    for (auto& [name, value] : {std::pair(table_setting, &table), std::pair(peers_setting, &peers)})
      CHECK(db.run(
          "INSERT INTO setting(name, value) VALUES(?, ?) ON CONFLICT DO UPDATE SET value = excluded.value",
          {name, *value}));
    return {};
  });
}

dht::Figures Neighbourhood::figures() const { return dht_ ? dht_->figures() : dht::Figures(); }

Duration Neighbourhood::lookup_median() const {
  if (recent_.empty()) return {};
  auto sorted = recent_;
  std::ranges::sort(sorted);
  return sorted[sorted.size() / 2];
}

}  // namespace conclave::node
