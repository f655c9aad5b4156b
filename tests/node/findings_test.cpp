#include "node/findings.hpp"

#include <algorithm>
#include <gtest/gtest.h>

namespace conclave {
namespace {
using node::Finding;
using node::Reachability;
using node::Status;

bool any(const std::vector<Finding>& findings, Finding::Kind kind) {
  return std::ranges::any_of(findings, [kind](auto& finding) { return finding.kind == kind; });
}
bool says(const std::vector<Finding>& findings, std::string_view words) {
  return std::ranges::any_of(findings, [words](auto& finding) {
    return (finding.what + " " + finding.todo).find(words) != std::string::npos;
  });
}

Status healthy() {
  Status out;
  out.reachability = Reachability::open;
  out.reachability_words = "Others can reach this node directly.";
  out.peers.resize(2);
  out.dht.published = true;
  return out;
}

TEST(Findings, a_healthy_node_has_nothing_to_do) {
  auto findings = examine(healthy(), true);
  EXPECT_FALSE(any(findings, Finding::Kind::bad) || any(findings, Finding::Kind::note));
  for (auto& finding : findings) EXPECT_EQ(finding.todo, "");
  EXPECT_TRUE(says(findings, "Connected to 2 nodes."));
}

TEST(Findings, each_trouble_is_said_with_what_to_do) {
  auto status = healthy();
  status.store_trouble = "The disk is full.";
  status.reachability = Reachability::offline;
  status.peers.clear();
  auto findings = examine(status, false);
  EXPECT_TRUE(says(findings, "The disk is full."));
  for (auto& finding : findings)
    if (finding.kind == Finding::Kind::bad) EXPECT_NE(finding.todo, "") << finding.what;
  EXPECT_EQ(std::ranges::count(findings, Finding::Kind::bad, &Finding::kind), 3);
}

TEST(Findings, what_waits_is_named_but_is_no_trouble) {
  auto status = healthy();
  status.outbox = 1;
  status.requests = 2;
  status.reachability = Reachability::firewalled;
  status.udp_port = 4711;
  auto findings = examine(status, true);
  EXPECT_FALSE(any(findings, Finding::Kind::bad));
  EXPECT_TRUE(says(findings, "1 message waits"));
  EXPECT_TRUE(says(findings, "2 strangers knock."));
  EXPECT_TRUE(says(findings, "UDP port 4711"));
}

}  // namespace
}  // namespace conclave
