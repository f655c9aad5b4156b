#pragma once
/// What one person hands another (crypto/link.hpp), as the node takes it.
#include "crypto/link.hpp"

namespace conclave::contacts {

using conclave::Link;
/// A link, `z6Mk…` or `did:key:z6Mk…`, with white space around it. Fails as conclave::link_from_text does.
inline Result<Link> parse_link(std::string_view text) { return link_from_text(text); }

}  // namespace conclave::contacts
