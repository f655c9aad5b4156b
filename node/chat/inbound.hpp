#pragma once
/// A chat stream that a peer opened: its log comes in, acknowledgements go back, after the commit and not
/// before.
#include "node/chat/company.hpp"
#include "node/chat/receiver.hpp"

#include <deque>

namespace conclave::chat {

class Inbound : public std::enable_shared_from_this<Inbound> {
 public:
  Inbound(Parts& parts, NodeKey node, io::Endpoint at, std::unique_ptr<io::Stream> stream);

  /// Two coroutines share the stream; both hold the session. One reads, the other commits and writes.
  static boost::asio::awaitable<void> listen(std::shared_ptr<Inbound> session);
  static boost::asio::awaitable<void> commit(std::shared_ptr<Inbound> session);

  /// Whose node it is; nothing before it has said so.
  const std::optional<AccountKey>& account() const { return account_; }
  const NodeKey& node() const { return node_; }
  /// A stranger has become a contact: what it left is acknowledged.
  void accepted();
  void end();
  bool over() const { return over_; }

 private:
  boost::asio::awaitable<Result<>> greet();
  Result<> hear(ByteView bytes);
  boost::asio::awaitable<Result<>> tell_have();
  boost::asio::awaitable<Result<>> commit_batch(std::vector<Entry> batch);

  Parts& parts_;
  NodeKey node_;
  io::Endpoint at_;
  std::unique_ptr<io::Stream> stream_;
  std::optional<AccountKey> account_;
  Receiver receiver_;
  std::deque<Frame> to_say_;  ///< bounded by what one batch or one hello asks for
  io::Event work_;
  bool dropped_ = false;     ///< something came that we did not want then
  bool have_asked_ = false;  ///< the peer is to hear how far we are
  bool ended_ = false;       ///< the peer has finished
  bool over_ = false;
};

}  // namespace conclave::chat
