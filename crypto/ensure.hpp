#pragma once
/// Errors of ours: asserts that stay on in release, because a node that has lost its mind must not go on
/// signing, acknowledging and forgetting.
#include <source_location>

namespace conclave {

[[noreturn]] void ensure_failed(const char* what, std::source_location where);

inline void ensure(bool holds, const char* what,
                   std::source_location where = std::source_location::current()) {
  if (!holds) [[unlikely]] ensure_failed(what, where);
}

}  // namespace conclave
