#include "node/gateway/params.hpp"

#include <algorithm>

#include <nlohmann/json.hpp>

namespace conclave::gateway {
namespace {

std::unexpected<Failure> wrong(std::string_view name, std::string_view what) {
  return std::unexpected(Failure{"malformed", "\"" + std::string(name) + "\" " + std::string(what) + ".",
                                 "See the method's parameters in docs/api.md."});
}

const Json* find(const Json& params, std::string_view name) {
  auto found = params.find(name);
  return found == params.end() || found->is_null() ? nullptr : &*found;
}

Param<std::int64_t> number(const Json& value, std::string_view name, Range range) {
  // A number above 2^63 is unsigned to the parser and would wrap.
  bool fits = value.is_number_integer() &&
              (!value.is_number_unsigned() || value.get<std::uint64_t>() <= std::uint64_t{INT64_MAX});
  if (!fits) return wrong(name, "is not a whole number");
  auto out = value.get<std::int64_t>();
  if (out < range.least || out > range.most)
    return wrong(name,
                 "is not between " + std::to_string(range.least) + " and " + std::to_string(range.most));
  return out;
}

}  // namespace

Param<void> allow(const Json& params, std::initializer_list<std::string_view> names) {
  for (auto& [name, value] : params.items()) {
    if (std::ranges::find(names, name) == names.end())
      return wrong(name, "is not a parameter of this method");
  }
  return {};
}

Param<std::optional<std::string>> optional_text(const Json& params, std::string_view name) {
  const Json* value = find(params, name);
  if (!value) return std::nullopt;
  if (!value->is_string()) return wrong(name, "is not a text");
  auto& out = value->get_ref<const std::string&>();
  if (out.size() > text_max) return wrong(name, "is longer than 64 KiB");
  return out;
}

Param<std::string> required_text(const Json& params, std::string_view name) {
  TRY(auto out, optional_text(params, name));
  if (!out) return wrong(name, "is missing");
  return std::move(*out);
}

Param<std::string> text_or(const Json& params, std::string_view name, std::string otherwise) {
  TRY(auto out, optional_text(params, name));
  return out ? std::move(*out) : std::move(otherwise);
}

Param<std::int64_t> required_number(const Json& params, std::string_view name, Range range) {
  const Json* value = find(params, name);
  if (!value) return wrong(name, "is missing");
  return number(*value, name, range);
}

Param<std::int64_t> number_or(const Json& params, std::string_view name, std::int64_t otherwise,
                              Range range) {
  const Json* value = find(params, name);
  return value ? number(*value, name, range) : otherwise;
}

Param<bool> flag_or(const Json& params, std::string_view name, bool otherwise) {
  const Json* value = find(params, name);
  if (!value) return otherwise;
  if (!value->is_boolean()) return wrong(name, "is neither true nor false");
  return value->get<bool>();
}

}  // namespace conclave::gateway
