// Contacts and requests: the part of Node that is about people.
#include "crypto/codec/msgpack.hpp"
#include "crypto/safety_number.hpp"
#include "node/body.hpp"
#include "node/start_addresses.hpp"
#include "transport/identify/ping.hpp"

namespace conclave::node {
namespace asio = boost::asio;
using contacts::Contact;
using contacts::Person;
using contacts::Standing;

namespace {

Result<> check_name(std::string_view name) {
  if (name.size() > contacts::name_max) return fail(conclave::Errc::too_long);
  if (!codec::is_utf8(name)) return fail(Errc::not_text);
  return {};
}

}  // namespace

asio::awaitable<Result<>> Node::bootstrap(std::vector<std::string> nodes) {
  auto& body = *body_;
  if (!body.running()) co_return fail(Errc::not_running);
  std::vector<address::PeerAddress> addresses, own;
  for (auto& text : nodes) {
    CO_TRY(auto some, start_addresses(text));
    addresses.insert(addresses.end(), some.begin(), some.end());
    auto link = link_from_text(text);
    if (link && link->account == body.self.account) own.insert(own.end(), some.begin(), some.end());
  }
  for (auto& one : addresses) body.network->hear(one);
  // The link of another device of ours: it may be that device itself.
  for (auto& one : own)
    if (*one.node != body.self.node) body.presence->hint(body.self.account, *one.node, one);
  if (!own.empty()) body.chat->greet(body.self.account);
  co_return Result<>();
}

asio::awaitable<Result<Contact>> Node::add_contact(contacts::Link link, std::string name) {
  auto& body = *body_;
  if (!body.running()) co_return fail(Errc::not_running);
  if (link.account == body.self.account) co_return fail(Errc::own_account);
  CO_CHECK(check_name(name));
  if (link.nodes.empty() && !body.network->knows_somebody() && !body.roster->find(link.account))
    co_return fail(Errc::nobody_known);
  CO_CHECK(co_await body.roster->add(link.account, std::move(name)));
  CO_CHECK(co_await body.enlist(link.account));
  for (auto& one : start_addresses(link)) {
    if (*one.node == body.self.node) continue;
    body.network->hear(one);
    body.presence->hint(link.account, *one.node, one);
  }
  body.chat->accepted(link.account);
  co_return co_await contact(link.account);
}

asio::awaitable<Result<>> Node::remove_contact(AccountKey account) {
  auto& body = *body_;
  if (!body.running()) co_return fail(Errc::not_running);
  if (!body.roster->find(account)) co_return fail(Errc::unknown_account);
  body.chat->parted(account);
  CO_CHECK(co_await body.roster->remove(account));
  body.presence->links_changed();
  co_return co_await body.store->post(
      [own = body.self, account](store::Database& db) { return chat::Journal(db, own).forget(account); });
}

asio::awaitable<Result<>> Node::set_blocked(AccountKey account, bool blocked) {
  auto& body = *body_;
  if (!body.running()) co_return fail(Errc::not_running);
  CO_CHECK(co_await body.roster->set_blocked(account, blocked));
  body.presence->links_changed();
  if (blocked) {
    body.chat->parted(account);
  } else {
    body.chat->accepted(account);
  }
  co_return Result<>();
}

asio::awaitable<Result<>> Node::set_verified(AccountKey account, bool verified) {
  if (!body_->running()) co_return fail(Errc::not_running);
  co_return co_await body_->roster->set_verified(account, verified);
}

asio::awaitable<Result<std::vector<Contact>>> Node::contacts() {
  if (!body_->running()) co_return fail(Errc::not_running);
  std::vector<Contact> out;
  for (auto& person : body_->roster->people(Standing::contact)) out.push_back(body_->describe(person));
  co_return out;
}

asio::awaitable<Result<Contact>> Node::contact(AccountKey account) {
  if (!body_->running()) co_return fail(Errc::not_running);
  auto* person = body_->roster->find(account);
  if (!person || person->standing != Standing::contact) co_return fail(Errc::unknown_account);
  co_return body_->describe(*person);
}

std::string Node::safety_number(const AccountKey& account) const {
  return conclave::safety_number(body_->self.account, account);
}

asio::awaitable<Result<std::vector<contacts::Request>>> Node::requests() {
  if (!body_->running()) co_return fail(Errc::not_running);
  std::vector<contacts::Request> out;
  for (auto& person : body_->roster->people(Standing::request)) {
    CO_TRY(auto request, co_await body_->request(person));
    // Who has connected and said nothing yet asks for nothing.
    if (request.messages > 0 && !person.blocked) out.push_back(std::move(request));
  }
  co_return out;
}

asio::awaitable<Result<Contact>> Node::accept_request(AccountKey account, std::string name) {
  auto& body = *body_;
  if (!body.running()) co_return fail(Errc::not_running);
  CO_CHECK(check_name(name));
  auto* person = body.roster->find(account);
  if (!person || person->standing != Standing::request) co_return fail(Errc::unknown_account);
  CO_CHECK(co_await body.roster->add(account, std::move(name)));
  CO_CHECK(co_await body.enlist(account));
  body.chat->accepted(account);
  co_return co_await contact(account);
}

asio::awaitable<Result<>> Node::refuse_request(AccountKey account) {
  auto& body = *body_;
  if (!body.running()) co_return fail(Errc::not_running);
  CO_CHECK(co_await body.roster->refuse(account));
  body.chat->parted(account);
  co_return co_await body.store->post([own = body.self, account](store::Database& db) {
    return chat::Journal(db, own).forget_stranger(account);
  });
}

asio::awaitable<Result<std::vector<Ping>>> Node::ping(AccountKey account, Duration patience) {
  auto& body = *body_;
  if (!body.running()) co_return fail(Errc::not_running);
  auto& clock = body.around.clock;
  auto begin = clock.now();
  auto before = body.presence->connected(account);
  auto reached = co_await body.presence->reach(account);
  if (reached.empty()) co_return fail(Errc::unreachable);
  std::vector<Ping> out;
  for (auto& node : reached) {
    auto connection = body.network->swarm().find(node);
    if (!connection) continue;
    auto stream = co_await connection->open(std::string(identify::ping_protocol));
    if (!stream) continue;
    auto alarm = clock.at(clock.now() + patience, [raw = stream->get()] { raw->reset(); });
    auto rtt = co_await identify::ping(**stream, clock, body.around.random);
    clock.cancel(alarm);
    if (!rtt) continue;
    Ping ping{node, {}, connection->remote().text(), {}, {}, *rtt};
    constexpr const char* kinds[] = {"nquic", "tcp", "websocket", "relayed"};
    ping.transport = kinds[static_cast<std::size_t>(connection->kind())];
    if (std::ranges::find(before, node) == before.end()) ping.dialled = clock.now() - begin - *rtt;
    out.push_back(std::move(ping));
  }
  if (out.empty()) co_return fail(conclave::Errc::timed_out);
  co_return out;
}

}  // namespace conclave::node
