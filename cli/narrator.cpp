#include "cli/narrator.hpp"

#include "cli/terminal.hpp"
#include "crypto/codec/key_text.hpp"

#include <spdlog/spdlog.h>

namespace conclave::cli {

boost::asio::awaitable<void> Narrator::tell() {
  auto watch = node_.watch();
  tell_status();
  while (auto event = co_await watch->next()) {
    if (std::holds_alternative<node::StatusChanged>(*event)) {
      tell_status();
    } else if (auto* stored = std::get_if<node::MessageStored>(&*event)) {
      if (stored->fresh && !stored->message.ours && !stored->request)
        spdlog::info("Message from {}", codec::to_text(stored->message.author));
    } else if (auto* request = std::get_if<node::RequestArrived>(&*event)) {
      spdlog::info("A stranger knocks: {} (conclave requests)", codec::to_text(request->request.account));
    } else if (auto* trouble = std::get_if<node::StoreTrouble>(&*event)) {
      if (trouble->trouble.empty()) {
        spdlog::info("The database takes writes again");
      } else {
        spdlog::error("{}", trouble->trouble);
      }
    }
  }
}

void Narrator::tell_status() {
  auto status = node_.status();
  std::size_t peers = status.peers.size();
  if ((peers == 0) != (peers_ == 0)) {
    spdlog::info("{}", peers == 0 ? "Not connected to any node" : "Connected to the first node");
  }
  peers_ = peers;
  if (status.reachability_words != reachable_ && !status.reachability_words.empty())
    spdlog::info("{}", status.reachability_words);
  reachable_ = status.reachability_words;
  if (status.dht.published && !published_) spdlog::info("Friends can find this node by your key");
  published_ = status.dht.published;
}

}  // namespace conclave::cli
