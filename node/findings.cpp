#include "node/findings.hpp"

namespace conclave::node {
namespace {
using Kind = Finding::Kind;
using Findings = std::vector<Finding>;

std::string counted(std::uint64_t count, std::string_view one, std::string_view many) {
  return std::to_string(count) + " " + std::string(count == 1 ? one : many);
}

void examine_store(const Status& status, Findings& out) {
  if (status.store_trouble.empty())
    out.push_back({Kind::good, "The database takes writes."});
  else
    out.push_back({Kind::bad, status.store_trouble,
                   "What was acknowledged is safe; new messages wait until this is mended."});
}

void examine_reach(const Status& status, Findings& out) {
  auto words = status.reachability_words;
  if (words.empty()) words = "It is not known yet whether others can reach this node.";
  switch (status.reachability) {
    case Reachability::open:
    case Reachability::mapped:
      out.push_back({Kind::good, words});
      break;
    case Reachability::unknown:
      out.push_back({Kind::note, words});
      break;
    case Reachability::offline:
      out.push_back({Kind::bad, words, "Check the cable, the Wi-Fi and the firewall of this machine."});
      break;
    case Reachability::firewalled:
    case Reachability::lan_only:
      out.push_back({Kind::note, words,
                     "Friends are still reached, through nodes that connect to both; forwarding UDP port " +
                         std::to_string(status.udp_port) + " in your router makes it direct."});
      break;
  }
}

void examine_company(const Status& status, bool knows_somebody, Findings& out) {
  if (!status.peers.empty())
    out.push_back({Kind::good, "Connected to " + counted(status.peers.size(), "node.", "nodes.")});
  else if (!knows_somebody)
    out.push_back({Kind::bad, "No other node is known, so nobody can be found.",
                   "Add a friend by the link that their `conclave id` shows, or start with --bootstrap NODE."});
  else
    out.push_back({Kind::note, "Nodes are known, but none is connected right now.",
                   "Links are kept to contacts who are online; if one is, check the firewall for UDP."});
  if (status.dht.published)
    out.push_back({Kind::good, "You can be found by your key."});
  else
    out.push_back({Kind::note, "You cannot be found by your key yet.",
                   "This takes some seconds after other nodes were met; your link works meanwhile."});
}

}  // namespace

std::vector<Finding> examine(const Status& status, bool knows_somebody) {
  Findings out;
  examine_store(status, out);
  examine_reach(status, out);
  examine_company(status, knows_somebody, out);
  if (status.outbox > 0)
    out.push_back({Kind::note,
                   counted(status.outbox, "message waits", "messages wait") + " for people who are offline.",
                   "They go out by themselves."});
  if (status.requests > 0)
    out.push_back({Kind::note, counted(status.requests, "stranger knocks.", "strangers knock."),
                   "Accept or refuse: on the page, or by `conclave requests`."});
  return out;
}

}  // namespace conclave::node
