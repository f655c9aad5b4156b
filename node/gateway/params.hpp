#pragma once
/// The parameters of one call, checked: every name is expected, every value has its type and its limit.
///
///     CO_CHECK(allow(params, {"contact", "limit"}));
///     CO_TRY(auto contact, required_text(params, "contact"));
///     CO_TRY(auto limit, number_or(params, "limit", 50, {1, 500}));
#include "node/gateway/registry.hpp"

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

namespace conclave::gateway {

template <class T>
using Param = std::expected<T, Failure>;

/// A typing error in a name is an error, not a default.
Param<void> allow(const Json& params, std::initializer_list<std::string_view> names);

/// At most `text_max` bytes, whatever the meaning.
inline constexpr std::size_t text_max = 64 * 1024;
Param<std::string> required_text(const Json& params, std::string_view name);
Param<std::string> text_or(const Json& params, std::string_view name, std::string otherwise);
Param<std::optional<std::string>> optional_text(const Json& params, std::string_view name);

struct Range {
  std::int64_t least;
  std::int64_t most;
};
Param<std::int64_t> required_number(const Json& params, std::string_view name, Range range);
Param<std::int64_t> number_or(const Json& params, std::string_view name, std::int64_t otherwise, Range range);
Param<bool> flag_or(const Json& params, std::string_view name, bool otherwise);

}  // namespace conclave::gateway
