#pragma once
/// The tables of a node's database, and how each version of them becomes the next.
#include "node/store/database.hpp"

namespace conclave::store {

/// Never change a step that has been released: append one.
Schema schema();

}  // namespace conclave::store
