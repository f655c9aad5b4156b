#pragma once
/// Texts for bytes whose base is a power of two, RFC 4648, without padding: base32 (lower case, as in CIDs and
/// DNS) and base64url (links). Only the canonical text is read: unused bits of the last digit are zero.
#include "crypto/bytes.hpp"

namespace conclave::codec {

std::string base32(ByteView bytes);
/// Fails with Errc::malformed.
Result<Bytes> from_base32(std::string_view digits);

std::string base64url(ByteView bytes);
/// Fails with Errc::malformed.
Result<Bytes> from_base64url(std::string_view digits);

}  // namespace conclave::codec
