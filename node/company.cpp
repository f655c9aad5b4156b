// What chat and presence ask of the rest of the node: who somebody is to us, and what we learned about him.
#include "crypto/codec/key_text.hpp"
#include "node/body.hpp"

namespace conclave::node {
namespace asio = boost::asio;
using contacts::Person;

chat::Standing Node::Body::standing(const AccountKey& account) const {
  if (account == self.account) return chat::Standing::own;
  auto* person = roster->find(account);
  if (!person) return chat::Standing::stranger;
  if (person->blocked || person->standing == contacts::Standing::refused) return chat::Standing::blocked;
  return person->standing == contacts::Standing::contact ? chat::Standing::contact : chat::Standing::stranger;
}

chat::Hello Node::Body::introduce(const AccountKey& to) const {
  chat::Hello hello;
  hello.to = to;
  hello.from = self.account;
  hello.certificate = encode(*profile.contents().keys.certificate);
  for (auto& revocation : roster->revocations(self.account)) hello.revocations.push_back(encode(revocation));
  return hello;
}

asio::awaitable<Result<chat::Standing>> Node::Body::meet(NodeKey peer, chat::Hello hello, io::Endpoint at) {
  CO_TRY(auto certificate, decode_certificate(hello.certificate));
  if (certificate.account != hello.from || certificate.node != peer) co_return fail(conclave::Errc::refused);
  std::vector<Revocation> revoked;
  for (auto& bytes : hello.revocations) {
    CO_TRY(auto one, decode_revocation(bytes));
    if (one.account != hello.from) co_return fail(conclave::Errc::refused);
    CO_CHECK(verify(one));
    revoked.push_back(one);
  }
  auto known = roster->revocations(hello.from);
  revoked.insert(revoked.end(), known.begin(), known.end());
  CO_CHECK(verify(certificate, around.clock.unix_now(), revoked));
  auto how = standing(hello.from);
  // Whom we do not want to hear is not told so, nor that there is no room for one more stranger.
  if (how == chat::Standing::blocked && roster->find(hello.from)->blocked) co_return how;
  if (how == chat::Standing::stranger || how == chat::Standing::blocked) {
    if (!co_await roster->knock(hello.from, at.ip)) co_return chat::Standing::blocked;
    how = chat::Standing::stranger;
  }
  for (auto& one : revoked) CO_CHECK(co_await learn(one));
  CO_CHECK(co_await learn(std::move(certificate)));
  if (how == chat::Standing::stranger) co_return how;
  (void)co_await roster->seen(hello.from, peer);
  co_await remember_place(peer);
  presence->links_changed();
  chat->seen(hello.from, peer);
  if (auto* person = roster->find(hello.from)) watchers.tell(ContactChanged{describe(*person)});
  co_return how;
}

asio::awaitable<void> Node::Body::remember_place(NodeKey node) {
  auto connection = network->swarm().find(node);
  if (!connection) co_return;
  // Over UDP a node speaks from the port it listens on; over TCP only who was dialled does.
  bool nquic = connection->kind() == io::Connection::Kind::nquic;
  if (!nquic && !connection->dialled_by_us()) co_return;
  if (connection->kind() == io::Connection::Kind::relayed) co_return;
  address::PeerAddress place;
  place.endpoint = connection->remote();
  if (connection->kind() == io::Connection::Kind::tcp) place.transport = address::PeerAddress::Transport::tcp;
  if (connection->kind() == io::Connection::Kind::websocket)
    place.transport = address::PeerAddress::Transport::ws;
  (void)co_await roster->learn_addresses(node, {place.text()});
}

asio::awaitable<Result<>> Node::Body::learn(Certificate certificate) {
  auto account = certificate.account;
  CO_TRY(bool fresh, co_await roster->learn(std::move(certificate)));
  auto how = standing(account);
  if (!fresh || (how != chat::Standing::contact && how != chat::Standing::own)) co_return Result<>();
  co_return co_await enlist(account);
}

asio::awaitable<void> Node::Body::learned(Certificate certificate) {
  (void)co_await learn(std::move(certificate));
}

asio::awaitable<Result<>> Node::Body::learn(Revocation revocation) {
  auto node = revocation.node;
  CO_TRY(bool fresh, co_await roster->learn(std::move(revocation)));
  if (!fresh) co_return Result<>();
  chat->parted(node);
  co_return co_await store->post(
      [own = self, node](store::Database& db) { return chat::Journal(db, own).remove_receiver(node); });
}

asio::awaitable<Result<>> Node::Body::enlist(AccountKey account) {
  std::vector<NodeKey> nodes;
  for (auto& [node, device] : roster->devices(account)) nodes.push_back(node);
  co_return co_await store->post(
      [own = self, account, nodes = std::move(nodes)](store::Database& db) -> Result<> {
        chat::Journal journal(db, own);
        for (auto& node : nodes) CHECK(journal.add_receiver(account, node));
        return {};
      });
}

asio::awaitable<Result<>> Node::Body::befriend(AccountKey account) {
  if (standing(account) == chat::Standing::contact) co_return Result<>();
  CO_CHECK(co_await roster->add(account, {}));
  co_return co_await enlist(account);
}

asio::awaitable<Result<std::unique_ptr<io::Stream>>> Node::Body::open_chat(NodeKey node) {
  auto connection = network->swarm().find(node);
  if (!connection) co_return fail(conclave::Errc::closed);
  co_return co_await connection->open(std::string(chat::protocol));
}

void Node::Body::tell(const chat::Change& change, chat::Standing how) {
  bool stranger = how == chat::Standing::stranger;
  if (auto* stored = std::get_if<chat::Stored>(&change)) {
    watchers.tell(MessageStored{stored->message, stored->fresh, stranger});
    if (stranger && stored->fresh) scope.start(tell_request(stored->message.conversation));
    if (!stranger) presence->touched(stored->message.conversation);
    outbox_changed.ring();
  } else if (auto* advanced = std::get_if<chat::Advanced>(&change)) {
    watchers.tell(DeliveryAdvanced{advanced->conversation, advanced->id, advanced->delivery});
    if (advanced->delivery == chat::Delivery::delivered) outbox_changed.ring();
  } else if (auto* read = std::get_if<chat::WeRead>(&change)) {
    watchers.tell(ConversationRead{read->conversation});
  }
}

asio::awaitable<void> Node::Body::tell_request(AccountKey account) {
  auto* person = roster->find(account);
  if (!person) co_return;
  if (auto made = co_await request(*person)) watchers.tell(RequestArrived{std::move(*made)});
}

contacts::Contact Node::Body::describe(const Person& person) const {
  contacts::Contact out;
  out.account = person.account;
  out.name = person.name;
  out.blocked = person.blocked;
  out.verified = person.verified;
  out.added = person.added;
  out.seen = person.seen;
  auto now = around.clock.unix_now();
  bool lately = person.seen && now.ms - person.seen->ms < 10 * 60 * 1000;
  out.online = !person.blocked && (lately || (presence && !presence->connected(person.account).empty()));
  for (auto& [node, device] : roster->devices(person.account)) out.nodes.push_back(node);
  return out;
}

asio::awaitable<Result<contacts::Request>> Node::Body::request(Person person) {
  auto account = person.account;
  co_return co_await store->transact<contacts::Request>(
      [account, added = person.added](store::Database& db) -> Result<contacts::Request> {
        contacts::Request out{account, added, 0, {}};
        Result<> read;
        CHECK(db.each(
            "SELECT body FROM entry WHERE conversation = ? AND kind = 1 AND deleted = 0 ORDER BY position",
            {account}, [&](const store::Row& row) {
              if (out.messages++ > 0) return true;
              auto body = db.opened(row.blob(0));
              if (!body) return read = fail(body.error()), false;
              // Cut between characters: a continuation byte starts with 10.
              auto size = std::min<std::size_t>(body->size(), 200);
              while (size < body->size() && size > 0 && ((*body)[size] & 0xc0) == 0x80) --size;
              out.preview = body->substr(0, size);
              return true;
            }));
        CHECK(read);
        return out;
      });
}

}  // namespace conclave::node
