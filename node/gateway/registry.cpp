#include "node/gateway/registry.hpp"

#include "crypto/ensure.hpp"

#include <nlohmann/json.hpp>

namespace conclave::gateway {

void Registry::add(std::string name, Method method) {
  bool added = methods_.emplace(std::move(name), Entry{std::move(method)}).second;
  ensure(added, "every method has a name of its own");
}

void Registry::add_for_terminal(std::string name, Method method) {
  bool added = methods_.emplace(std::move(name), Entry{std::move(method), /*terminal_only=*/true}).second;
  ensure(added, "every method has a name of its own");
}

std::set<std::string> Registry::names() const {
  std::set<std::string> out;
  for (auto& [name, method] : methods_) out.insert(name);
  return out;
}

void Registry::on_binary(Byte channel, Binary take) {
  bool added = channels_.emplace(channel, std::move(take)).second;
  ensure(added, "every binary channel has one owner");
}

void Registry::on_gone(Gone gone) { gone_.push_back(std::move(gone)); }

boost::asio::awaitable<Answer> Registry::call(std::shared_ptr<Caller> caller, std::string method,
                                              Json params) const {
  auto found = methods_.find(method);
  if (found == methods_.end()) {
    co_return std::unexpected(Failure{"unknown_method", "This node has no method of that name.",
                                      "See docs/api.md; the node may be older than the program that asks."});
  }
  if (found->second.terminal_only && caller->door() != Caller::Door::terminal) {
    co_return std::unexpected(
        Failure{"terminal_only", "A page may not ask for this.", "Use the conclave command in a terminal."});
  }
  co_return co_await found->second.run(std::move(caller), std::move(params));
}

bool Registry::take_binary(Caller& caller, ByteView frame) const {
  if (frame.empty()) return false;
  auto found = channels_.find(frame.front());
  if (found == channels_.end()) return false;
  found->second(caller, frame);
  return true;
}

void Registry::gone(Caller::Id caller) const {
  for (auto& tell : gone_) tell(caller);
}

}  // namespace conclave::gateway
