#pragma once
/// `/conclave/chat/1`: our messages go to every node of their receiver, and theirs come in.
///
/// An entry is in the database before it is sent, and is sent until the receiver has said that it is in its
/// database. Whoever has something waiting is tried in rounds (node/chat/rounds.hpp), and at once when seen.
#include "node/chat/history.hpp"
#include "node/chat/inbound.hpp"
#include "node/chat/outbound.hpp"
#include "node/chat/rounds.hpp"
#include "transport/io/scope.hpp"

#include <set>

namespace conclave::chat {

class Service {
 public:
  /// Streams of one node that are served at a time; it needs one, and a second while the first one dies.
  static constexpr std::size_t streams_per_node_max = 4;

  Service(Parts parts, Random& random);
  Service(const Service&) = delete;
  Service& operator=(const Service&) = delete;
  /// After `close()`.
  ~Service();

  /// Goes to everybody for whom something waits.
  boost::asio::awaitable<Result<>> start();
  boost::asio::awaitable<void> close();

  /// Serves one stream that `node` opened; returns when it is over.
  boost::asio::awaitable<void> serve(NodeKey node, io::Endpoint at, std::unique_ptr<io::Stream> stream);

  /// Appends to our log of the conversation; delivery follows.
  boost::asio::awaitable<Result<MessageId>> write(AccountKey conversation, Content content);
  /// Everything in the conversation is read; with `tell`, others learn it.
  boost::asio::awaitable<Result<>> read_all(AccountKey conversation, bool tell);

  /// A node of the account, or one that a link says is, is connected, or spoke to us.
  void seen(const AccountKey& account, const NodeKey& node);
  /// Goes to the account even where nothing waits, so that it knows that we are here.
  void greet(const AccountKey& account);
  /// What we say of ourselves has changed: everybody we talk with hears it anew.
  void introduce_again();
  /// A stranger has become a contact.
  void accepted(const AccountKey& account);
  /// Removed or blocked: nothing more is said.
  void parted(const AccountKey& account);
  /// Revoked, or gone: streams of this node end.
  void parted(const NodeKey& node);

 private:
  boost::asio::awaitable<void> drive();
  boost::asio::awaitable<void> attempt(AccountKey account);
  boost::asio::awaitable<void> session(AccountKey account, NodeKey node);
  void talk(const AccountKey& account, std::span<const NodeKey> nodes);
  boost::asio::awaitable<Result<std::vector<NodeKey>>> waiting(AccountKey account);
  bool covered(std::span<const NodeKey> nodes) const;
  void grew(const AccountKey& conversation);

  Parts parts_;
  Rounds rounds_;
  io::Event due_;
  std::map<NodeKey, std::shared_ptr<Outbound>> outbound_;  ///< null while it is being opened
  std::vector<std::weak_ptr<Inbound>> inbound_;
  std::set<AccountKey> to_greet_;
  io::Scope scope_;
};

}  // namespace conclave::chat
