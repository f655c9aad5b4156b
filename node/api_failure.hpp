#pragma once
/// Errors of the node as the local API tells them.
#include "node/error.hpp"
#include "node/gateway/params.hpp"

namespace conclave::node {

/// "unknown_account" for Errc::unknown_account; message and hint are `advice()` in two parts.
gateway::Failure failure(const Error& error);

template <class T>
gateway::Param<T> told(Result<T> result) {
  if (!result) return std::unexpected(failure(result.error()));
  if constexpr (std::is_void_v<T>) {
    return {};
  } else {
    return std::move(*result);
  }
}

}  // namespace conclave::node
