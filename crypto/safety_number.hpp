#pragma once
/// Numbers that people read to each other, to notice somebody in the middle. Description: docs/identity.md.
#include "crypto/hash.hpp"
#include "crypto/keys.hpp"

namespace conclave {

/// For two accounts: twelve groups of five digits, the same whoever asks. 199 bits: whoever wants to sit in the middle has
/// to find two pairs of keys of his own with one number, 2^99 tries.
std::string safety_number(const AccountKey& a, const AccountKey& b);

/// For everybody in a conference: six groups of five digits over a hash of the roster. Shorter, since it is read aloud
/// during a call, and therefore slow to compute (PBKDF2, 100 000 rounds, some 30 ms): two rosters with one code take 2^50
/// tries of 2^17 hashes each.
std::string comparison_code(const crypto::Digest& roster);

}  // namespace conclave
