#pragma once
/// Says in the log of `conclave run` what the node is doing, when that changes. Never what people write.
#include "node/node.hpp"
#include "transport/io/scope.hpp"

namespace conclave::cli {

class Narrator {
 public:
  Narrator(boost::asio::any_io_executor executor, io::Clock& clock, node::Node& node)
      : node_(node), scope_(std::move(executor), clock) {}
  void start() { scope_.start(tell()); }
  boost::asio::awaitable<void> close() { co_await scope_.close(); }

 private:
  boost::asio::awaitable<void> tell();
  void tell_status();
  node::Node& node_;
  io::Scope scope_;
  std::size_t peers_ = 0;
  std::string reachable_;
  bool published_ = false;
};

}  // namespace conclave::cli
