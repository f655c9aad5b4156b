#include "node/api.hpp"

#include "node/api_json.hpp"

#include <nlohmann/json.hpp>

namespace conclave::node {
namespace asio = boost::asio;

Api::Api(asio::any_io_executor executor, io::Clock& clock, Node& node, gateway::Gateway& gateway,
         std::vector<std::string> page_urls)
    : node_(node), gateway_(gateway), scope_(std::move(executor), clock) {
  ApiParts parts{node, gateway, clock, std::move(page_urls)};
  add_node_methods(gateway.registry(), parts);
  add_contact_methods(gateway.registry(), parts);
  add_message_methods(gateway.registry(), parts);
  add_call_methods(gateway.registry(), parts);
}

void Api::start() { scope_.start(pass_events()); }

asio::awaitable<void> Api::close() { co_await scope_.close(); }

asio::awaitable<void> Api::pass_events() {
  auto watch = node_.watch();
  while (auto event = co_await watch->next()) {
    if (!gateway_.heard()) continue;
    auto [name, data] = event_json(*event);
    gateway_.publish(name, data);
  }
}

}  // namespace conclave::node
