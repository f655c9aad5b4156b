#pragma once
/// "Come into this conference": a contact's device says so on a stream `/conclave/ring/1`, msgpack
/// `[version = 1, conference key]`, and ends it. Who is no contact is not heard.
#include <string_view>

namespace conclave::node {

inline constexpr std::string_view ring_protocol = "/conclave/ring/1";
inline constexpr std::size_t ring_size_max = 64;

}  // namespace conclave::node
