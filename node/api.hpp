#pragma once
/// The methods of the local API that are about the node itself, its contacts and its conversations, and the
/// events that it pushes. docs/api.md lists them.
#include "node/gateway/gateway.hpp"
#include "node/node.hpp"
#include "transport/io/scope.hpp"

namespace conclave::node {

class Api {
 public:
  /// Adds the methods to `gateway`, which is not started yet. Both outlive this.
  Api(boost::asio::any_io_executor executor, io::Clock& clock, Node& node, gateway::Gateway& gateway,
      std::vector<std::string> page_urls = {});

  /// Passes the node's events on to whoever listens. After `node.start()`.
  void start();
  boost::asio::awaitable<void> close();

 private:
  boost::asio::awaitable<void> pass_events();
  Node& node_;
  gateway::Gateway& gateway_;
  io::Scope scope_;
};

/// The parts of it, each in a file of its own.
struct ApiParts {
  Node& node;
  gateway::Gateway& gateway;
  io::Clock& clock;
  std::vector<std::string> page_urls;
};
void add_node_methods(gateway::Registry& registry, ApiParts parts);
void add_contact_methods(gateway::Registry& registry, ApiParts parts);
void add_message_methods(gateway::Registry& registry, ApiParts parts);
void add_call_methods(gateway::Registry& registry, ApiParts parts);

}  // namespace conclave::node
