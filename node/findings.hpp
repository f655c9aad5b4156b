#pragma once
/// What works, what does not, and what to do, in plain words: for `conclave doctor` and for the page alike.
#include "node/status.hpp"

#include <string>
#include <vector>

namespace conclave::node {

struct Finding {
  enum class Kind : Byte { good, note, bad } kind = Kind::good;
  std::string what;
  std::string todo = {};  ///< empty where there is nothing to do
};

/// `knows_somebody`: as `Node::knows_somebody`.
std::vector<Finding> examine(const Status& status, bool knows_somebody);

}  // namespace conclave::node
