#pragma once
/// Who watches a node, and events on their way to them.
#include "node/node.hpp"
#include "transport/io/mailbox.hpp"

namespace conclave::node {

class Watchers {
 public:
  static constexpr std::size_t waiting_max = 1024;

  Watchers(boost::asio::any_io_executor executor, io::Clock& clock)
      : executor_(std::move(executor)), clock_(clock) {}
  std::unique_ptr<Watch> add();
  void tell(const Event& event);
  /// Watchers get what is there, and then nothing.
  void close();

 private:
  struct Box;
  class BoxWatch;
  boost::asio::any_io_executor executor_;
  io::Clock& clock_;
  bool closed_ = false;
  std::vector<std::weak_ptr<Box>> boxes_;
};

}  // namespace conclave::node
