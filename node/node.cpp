#include "node/node.hpp"

#include "node/body.hpp"
#include "node/ring.hpp"
#include "node/store/schema.hpp"
#include "transport/identify/identify.hpp"
#include "transport/identify/ping.hpp"

#include <algorithm>
#include <functional>

namespace conclave::node {
namespace asio = boost::asio;

Node::Body::Body(Surroundings the_surroundings, Profile the_profile, Options the_options)
    : around(std::move(the_surroundings)),
      profile(std::move(the_profile)),
      options(std::move(the_options)),
      self{profile.account_key(), profile.node_key()},
      watchers(around.executor, around.clock),
      outbox_changed(around.executor, around.clock),
      scope(around.executor, around.clock) {}

asio::awaitable<Result<>> Node::Body::start() {
  if (stage != Stage::idle) co_return fail(Errc::not_running);
  stage = Stage::starting;
  started = around.clock.unix_now();
  auto ready = co_await wire();
  if (ready) {
    stage = Stage::running;
    co_return ready;
  }
  co_await close();
  co_return ready;
}

/// A certificate is renewed when half of its life is over, on the device that can.
Result<> Node::Body::renew_certificate() {
  auto& keys = profile.contents().keys;
  auto now = around.clock.unix_now();
  bool fresh = now + certificate_life / 2 < keys.certificate->expires;
  if (fresh || !keys.account) return {};
  keys.certificate = certify(*keys.account, self.node, static_cast<std::uint64_t>(now.ms), now,
                             now + certificate_life, keys.certificate->name);
  return profile.contents().write_keys(around.random);
}

asio::awaitable<Result<>> Node::Body::wire() {
  auto& keys = profile.contents().keys;
  CO_CHECK(renew_certificate());
  CO_TRY(store, store::Store::open(profile.contents().database(), store::schema(), around.executor));
  store->on_trouble([this](std::string trouble) {
    store_trouble = trouble;
    watchers.tell(StoreTrouble{std::move(trouble)});
  });
  CO_CHECK(
      co_await store->post([key = keys.body_key, seal = profile.sealed()](store::Database& db) -> Result<> {
        db.body_key(key, seal);
        return {};
      }));
  roster = std::make_unique<contacts::Roster>(*store, around.clock, self.account, self.node);
  CO_CHECK(co_await roster->load());
  CO_CHECK(co_await roster->learn(*keys.certificate));
  network = std::make_unique<Network>(Network::Parts{around, options, keys.node, *store});
  CO_CHECK(co_await network->start());
  presence = std::make_unique<Presence>(Presence::Parts{
      around.executor, around.clock, around.random, network->swarm(), *roster, network->points(), keys.node,
      *keys.certificate, [this](Certificate certificate) { return learned(std::move(certificate)); },
      [this](const AccountKey& account, const NodeKey& node) { chat->seen(account, node); }});
  chat = std::make_unique<chat::Service>(chat::Parts{around.executor, around.clock, *store, self, company()},
                                         around.random);
  CO_CHECK(co_await load_uplink());
  calls = std::make_unique<calls::Host>(host_parts());
  CO_CHECK(co_await calls->start());
  calls->on_change([this](const ConferenceKey& conference) { watchers.tell(ConferenceChanged{conference}); });
  listen();
  presence->set_addresses(network->addresses(), {});
  presence->start();
  CO_CHECK(co_await chat->start());
  // Everybody who is to know that we are here: contacts, and our own other devices.
  chat->greet(self.account);
  // Whoever was there lately may be there now, and have something for us.
  auto people = roster->people(contacts::Standing::contact);
  std::ranges::sort(people, std::greater(), &contacts::Person::seen);
  for (auto& person : people)
    if (!person.blocked) chat->greet(person.account);
  scope.start(count_outbox());
  outbox_changed.ring();
  co_return Result<>();
}

chat::Company Node::Body::company() {
  chat::Company out;
  out.introduce = [this](const AccountKey& to) { return introduce(to); };
  out.meet = [this](NodeKey peer, chat::Hello hello, io::Endpoint at) {
    return meet(peer, std::move(hello), at);
  };
  out.standing = [this](const AccountKey& account) { return standing(account); };
  out.known = [this](const AccountKey& account, const NodeKey& node) { return roster->holds(account, node); };
  out.befriend = [this](AccountKey account) { return befriend(account); };
  out.connected = [this](const AccountKey& account) { return presence->connected(account); };
  out.reach = [this](AccountKey account) { return presence->reach(account); };
  out.open = [this](NodeKey node) { return open_chat(node); };
  out.link = [this](const NodeKey& node) { return network->swarm().find(node).get(); };
  out.kept = [this](const NodeKey& node) { return presence->kept(node); };
  out.misbehaved = [this](const NodeKey& node) { network->swarm().misbehaved(node, 20); };
  out.tell = [this](const chat::Change& change, chat::Standing how) { tell(change, how); };
  return out;
}

void Node::Body::listen() {
  auto& swarm = network->swarm();
  swarm.handle(std::string(chat::protocol), [this](auto connection, auto stream) {
    return chat->serve(connection->peer(), connection->remote(), std::move(stream));
  });
  swarm.handle(std::string(identify::ping_protocol), [](auto, auto stream) -> asio::awaitable<void> {
    (void)co_await identify::answer_pings(*stream);
  });
  swarm.handle(std::string(ring_protocol), [this](auto connection, auto stream) {
    return answer_ring(connection->peer(), std::move(stream));
  });
  swarm.on_connected([this](auto connection) { connected(connection->peer()); });
  swarm.on_disconnected([this](const NodeKey& node) { disconnected(node); });
  // A message or its acknowledgement may be on the connection that was replaced, and the peer may not have that any more.
  swarm.on_replaced([this](const NodeKey& node) {
    if (auto account = roster->account_of(node)) chat->seen(*account, node);
  });
  network->on_addresses([this] {
    presence->set_addresses(network->addresses(), {});
    watchers.tell(StatusChanged{});
  });
  roster->on_change([this](const AccountKey& account) {
    auto* person = roster->find(account);
    if (!person) return watchers.tell(ContactRemoved{account});
    if (person->standing == contacts::Standing::contact) watchers.tell(ContactChanged{describe(*person)});
  });
}

void Node::Body::connected(const NodeKey& node) {
  watchers.tell(StatusChanged{});
  presence->links_changed();
  if (auto account = roster->account_of(node)) chat->seen(*account, node);
}

void Node::Body::disconnected(const NodeKey& node) {
  watchers.tell(StatusChanged{});
  bool was_kept = presence->kept(node);
  presence->links_changed();
  auto account = roster->account_of(node);
  if (!account) return;
  if (auto* person = roster->find(*account)) watchers.tell(ContactChanged{describe(*person)});
  // A link that we meant to keep: the other end may be back already.
  if (was_kept && stage == Stage::running) chat->greet(*account);
}

asio::awaitable<void> Node::Body::count_outbox() {
  while (co_await outbox_changed.wait()) {
    auto count = co_await store->transact<std::uint64_t>(
        [own = self](store::Database& db) { return chat::Journal(db, own).outbox(); });
    if (count && std::exchange(outbox, *count) != *count) watchers.tell(StatusChanged{});
    co_await io::sleep_until(around.clock, around.clock.now() + std::chrono::milliseconds(500));
  }
}

asio::awaitable<void> Node::Body::close() {
  if (stage == Stage::closed) co_return;
  stage = Stage::closed;
  // From above to below: nobody may use what is gone.
  if (calls) co_await calls->close();
  if (chat) co_await chat->close();
  if (presence) co_await presence->close();
  co_await scope.close();
  if (network) co_await network->close();
  watchers.close();
  if (store) store->close();
}

Node::Node(Surroundings surroundings, Profile profile, Options options)
    : body_(std::make_unique<Body>(std::move(surroundings), std::move(profile), std::move(options))) {}
Node::~Node() = default;

asio::awaitable<Result<>> Node::start() { return body_->start(); }
asio::awaitable<void> Node::close() { return body_->close(); }
const AccountKey& Node::account() const { return body_->self.account; }
const NodeKey& Node::node_key() const { return body_->self.node; }
std::unique_ptr<Watch> Node::watch() { return body_->watchers.add(); }

Status Node::status() const {
  auto& body = *body_;
  Status out;
  out.version = CONCLAVE_VERSION;
  out.account = body.self.account;
  out.node = body.self.node;
  out.started = body.started;
  out.outbox = body.outbox;
  out.store_trouble = body.store_trouble;
  if (!body.running()) return out;
  body.network->describe(out);
  for (auto& peer : out.peers) peer.account = body.roster->account_of(peer.node);
  out.dht.published_at = body.presence->published_at();
  out.contacts = body.roster->count(contacts::Standing::contact);
  out.requests = body.roster->count(contacts::Standing::request);
  return out;
}

std::string Node::link() const {
  Link link{body_->self.account, {}};
  if (body_->running()) link.nodes = body_->network->start_nodes();
  return to_text(link);
}

bool Node::knows_somebody() const { return body_->running() && body_->network->knows_somebody(); }

}  // namespace conclave::node
