#pragma once
/// A chat stream that we opened: it carries our log to one node, and acknowledgements back.
#include "node/chat/company.hpp"
#include "node/chat/sender.hpp"

namespace conclave::chat {

class Outbound : public std::enable_shared_from_this<Outbound> {
 public:
  /// `link` names the connection that `stream` is on, as Company::link does.
  Outbound(Parts& parts, AccountKey account, NodeKey node, std::unique_ptr<io::Stream> stream, const void* link);

  /// Two coroutines share the stream; both hold the session. It is over when `speak` ends.
  static boost::asio::awaitable<void> speak(std::shared_ptr<Outbound> session);
  static boost::asio::awaitable<void> listen(std::shared_ptr<Outbound> session);

  /// Our log grew.
  void grew();
  void end();
  bool over() const { return over_; }
  const AccountKey& account() const { return account_; }
  const NodeKey& node() const { return node_; }
  /// The connection it runs over, as Company::link names it.
  const void* link() const { return link_; }
  /// Everything that this node is to have, it has; or it was not a device of the account after all.
  bool settled() const { return !proven_ || (!grew_ && sender_.idle()); }
  /// Something was acknowledged on this stream.
  bool progressed() const { return progressed_; }

 private:
  boost::asio::awaitable<Result<>> hear(Frame frame);
  boost::asio::awaitable<Result<>> catch_up();
  boost::asio::awaitable<Result<>> send_ready();

  Parts& parts_;
  AccountKey account_;
  NodeKey node_;
  std::unique_ptr<io::Stream> stream_;
  Sender sender_;
  io::Event work_;
  const void* link_;
  bool proven_;
  bool grew_ = true;  ///< the database has not been asked yet
  bool progressed_ = false;
  bool over_ = false;
};

}  // namespace conclave::chat
