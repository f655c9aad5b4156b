#pragma once
/// The inside of a node: its services and how they are wired. For node*.cpp.
#include "node/calls/host.hpp"
#include "node/chat/service.hpp"
#include "node/contacts/roster.hpp"
#include "node/network.hpp"
#include "node/node.hpp"
#include "node/presence.hpp"
#include "node/profile_contents.hpp"
#include "node/watchers.hpp"
#include "transport/io/scope.hpp"

namespace conclave::node {

struct Node::Body {
  Body(Surroundings the_surroundings, Profile the_profile, Options the_options);

  // Wiring (node.cpp).
  boost::asio::awaitable<Result<>> start();
  boost::asio::awaitable<Result<>> wire();
  Result<> renew_certificate();
  boost::asio::awaitable<void> close();
  chat::Company company();
  void listen();
  calls::HostParts host_parts();
  boost::asio::awaitable<Result<>> load_uplink();
  /// A contact's device rings here (ringing.cpp).
  boost::asio::awaitable<void> answer_ring(NodeKey from, std::unique_ptr<io::Stream> stream);
  void connected(const NodeKey& node);
  void disconnected(const NodeKey& node);
  boost::asio::awaitable<void> count_outbox();
  bool running() const { return stage == Stage::running; }

  // What chat and presence ask (company.cpp).
  chat::Standing standing(const AccountKey& account) const;
  chat::Hello introduce(const AccountKey& to) const;
  boost::asio::awaitable<Result<chat::Standing>> meet(NodeKey peer, chat::Hello hello, io::Endpoint at);
  boost::asio::awaitable<Result<std::unique_ptr<io::Stream>>> open_chat(NodeKey node);
  /// Where a device of a contact is connected from, for the next time.
  boost::asio::awaitable<void> remember_place(NodeKey node);
  boost::asio::awaitable<Result<>> befriend(AccountKey account);
  /// A certificate of a contact or of ours: remembered, and the device is to have what we write.
  boost::asio::awaitable<Result<>> learn(Certificate certificate);
  boost::asio::awaitable<Result<>> learn(Revocation revocation);
  boost::asio::awaitable<void> learned(Certificate certificate);
  /// All known devices of the account are to have what we write to it.
  boost::asio::awaitable<Result<>> enlist(AccountKey account);
  void tell(const chat::Change& change, chat::Standing standing);
  boost::asio::awaitable<void> tell_request(AccountKey account);
  contacts::Contact describe(const contacts::Person& person) const;
  /// Appends to a conversation with a contact.
  boost::asio::awaitable<Result<chat::MessageId>> write(AccountKey to, chat::Content content);
  boost::asio::awaitable<Result<contacts::Request>> request(contacts::Person person);

  /// Runs a transaction on the journal or the history.
  template <class T>
  boost::asio::awaitable<Result<T>> transact(std::function<Result<T>(store::Database&)> work) {
    if (!running()) co_return fail(Errc::not_running);
    co_return co_await store->transact<T>(std::move(work));
  }

  enum class Stage : Byte { idle, starting, running, closed };
  Stage stage = Stage::idle;
  Surroundings around;
  Profile profile;
  Options options;
  chat::Self self;
  UnixTime started;
  std::uint64_t outbox = 0;
  std::uint64_t uplink_bps = 0;  ///< in force
  std::string store_trouble;
  Watchers watchers;
  io::Event outbox_changed;
  std::unique_ptr<store::Store> store;
  std::unique_ptr<contacts::Roster> roster;
  std::unique_ptr<Network> network;
  std::unique_ptr<Presence> presence;
  std::unique_ptr<chat::Service> chat;
  std::unique_ptr<calls::Host> calls;
  io::Scope scope;
};

}  // namespace conclave::node
