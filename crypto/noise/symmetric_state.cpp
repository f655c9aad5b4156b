#include "crypto/noise/symmetric_state.hpp"

#include "crypto/hkdf.hpp"

namespace conclave::noise {
namespace {

/// Section 4.3, HKDF with two outputs.
std::pair<Secret<32>, Secret<32>> two_keys(ByteView chaining_key, ByteView input) {
  auto wide = crypto::hkdf_expand<64>(crypto::hkdf_extract(chaining_key, input).view(), {});
  return {*Secret<32>::from(wide.view().first(32)), *Secret<32>::from(wide.view().last(32))};
}

}  // namespace

SymmetricState::SymmetricState(std::string_view protocol_name, Cipher cipher) : cipher_(cipher) {
  if (protocol_name.size() <= hash_.size) {
    std::copy(protocol_name.begin(), protocol_name.end(), hash_.bytes.begin());
  } else {
    hash_ = crypto::sha256(view(protocol_name));
  }
  chaining_key_ = *Secret<32>::from(hash_);
}

void SymmetricState::mix_key(ByteView input) {
  auto [chaining_key, key] = two_keys(chaining_key_.view(), input);
  chaining_key_ = chaining_key;
  cipher_state_.emplace(cipher_, key);
}

void SymmetricState::mix_hash(ByteView data) { hash_ = crypto::sha256({hash_, data}); }

Bytes SymmetricState::encrypt_and_hash(ByteView plain) {
  Bytes out = cipher_state_ ? cipher_state_->encrypt(hash_, plain) : copy(plain);
  mix_hash(out);
  return out;
}

Result<Bytes> SymmetricState::decrypt_and_hash(ByteView sealed) {
  Bytes out;
  if (cipher_state_) {
    TRY(out, cipher_state_->decrypt(hash_, sealed));
  } else {
    out = copy(sealed);
  }
  mix_hash(sealed);
  return out;
}

std::pair<Secret<32>, Secret<32>> SymmetricState::split() const { return two_keys(chaining_key_.view(), {}); }

}  // namespace conclave::noise
