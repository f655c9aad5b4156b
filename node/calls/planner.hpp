#pragma once
/// Makes the plan: a deterministic function of what every member can know, so that anyone can take over as
/// coordinator and get the same answer.
#include <optional>

#include "node/calls/plan.hpp"

namespace conclave::calls {

/// Streams are planned by falling rate. Each tree is grown strongest node first, every node under the parent
/// that gives it the shortest path from the source, with the smallest depth for which the uplinks suffice.
/// Where one tree cannot carry a stream, it is split into 2, 4 … `parts_max` parts. Up to four nodes the result
/// is the full mesh whenever the uplinks allow it.
/// Time: O(streams × nodes²); 100 nodes with 26 streams take some milliseconds.
Plan make_plan(const PlanInput& input, std::uint64_t version);

/// Who coordinates among the nodes that are alive: smallest SHA-256(conference ‖ epoch ‖ node key), admins first.
/// Nothing when `alive` is empty.
struct Candidate {
  NodeKey key;
  bool admin = false;
};
std::optional<NodeKey> coordinator(const ConferenceKey& conference, std::uint64_t epoch,
                                   std::span<const Candidate> alive);

}  // namespace conclave::calls
