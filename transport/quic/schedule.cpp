#include "transport/quic/schedule.hpp"

#include "crypto/hkdf.hpp"

namespace conclave::quic {
namespace {

constexpr std::string_view protocol = "conclave/nquic";
constexpr std::string_view initial_salt = "conclave/nquic initial";
constexpr std::string_view retry_salt = "conclave/nquic retry";

Secrets labelled(const Secret<32>& initiator, const Secret<32>& responder, std::string_view prefix,
                 ByteView hash) {
  auto label = [prefix](std::string_view direction) { return std::string(prefix) + std::string(direction); };
  return {crypto::hmac_sha256(initiator.view(), {view(label("i2r")), hash}),
          crypto::hmac_sha256(responder.view(), {view(label("r2i")), hash})};
}

}  // namespace

Bytes prologue(const NodeKey& responder) {
  Bytes out = copy(view(protocol));
  for (int shift = 24; shift >= 0; shift -= 8) out.push_back(static_cast<Byte>(protocol_version >> shift));
  append(out, responder);
  return out;
}

Secrets initial_secrets(const Cid& original, const X25519Key& responder) {
  const crypto::HmacKey secret(
      crypto::hmac_sha256(view(initial_salt), {original.view(), responder.view()}).view());
  return {crypto::hkdf_expand_label<32>(secret, "client in"), crypto::hkdf_expand_label<32>(secret, "server in")};
}

Secrets handshake_secrets(const Secret<32>& chaining_key, const crypto::Digest& hash) {
  return labelled(chaining_key, chaining_key, "nquic hs ", hash);
}

crypto::Digest hash_hello(const crypto::Digest& hash, ByteView hello) {
  return crypto::sha256({hash.view(), hello});
}

Secret<32> finished(const Secret<32>& chaining_key, const crypto::Digest& hash) {
  return crypto::hmac_sha256(chaining_key.view(), {view("nquic finished i2r"), hash.view()});
}

Secrets application_secrets(const noise::Handshake::Keys& split, const crypto::Digest& hash) {
  return labelled(split.initiator_to_responder, split.responder_to_initiator, "nquic ap ", hash);
}

Secret<32> next_secret(const Secret<32>& secret) {
  return crypto::hkdf_expand_label<32>(secret.view(), "quic ku");
}

Secret<32> exporter_secret(const Secret<32>& chaining_key, const crypto::Digest& hash) {
  return crypto::hmac_sha256(chaining_key.view(), {view("nquic exporter"), hash.view()});
}

Secret<32> retry_key(const X25519Key& responder) {
  return crypto::hmac_sha256(view(retry_salt), responder.view());
}

}  // namespace conclave::quic
