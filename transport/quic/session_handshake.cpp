// The session's handshake: Noise in CRYPTO frames, and the check of Initial packets before the library sees
// them.
#include "crypto/ensure.hpp"
#include "transport/quic/session.hpp"

namespace conclave::quic {
namespace {

ngtcp2_crypto_aead_ctx new_key(Suite suite, const crypto::HmacKey& secret, std::array<Byte, 12>& iv) {
  auto* key = new PacketKey(suite, secret);
  iv = key->iv();
  return {key};
}
ngtcp2_crypto_cipher_ctx new_mask(Suite suite, const crypto::HmacKey& secret) {
  return {new PacketMask(suite, secret)};
}

constexpr std::size_t transport_parameters_max = 512;
constexpr std::size_t finished_size = 32;

}  // namespace

/// Before the handshake has given keys that only the two can have, a datagram passes only if every packet in
/// it is an Initial with nothing but known words in it, or is protected by later keys.
bool Session::admissible(ByteView datagram) {
  if (datagram.empty()) return false;
  if (confirmed_) return (datagram[0] & 0x80) == 0;
  bool waiting = dialled_ && !(initiator_ && initiator_->answered()) && !established_;
  for (auto rest = datagram; !rest.empty();) {
    if ((rest[0] & 0x80) == 0) return !waiting;  // a short header takes the rest of the datagram
    auto header = decode_long_header(rest);
    if (!header) return false;
    auto packet = rest.first(header->size);
    rest = rest.subspan(header->size);
    switch (header->type) {
      case LongHeader::Type::initial:
        if (!admissible_initial(*header, packet)) return false;
        waiting = dialled_ && !(initiator_ && initiator_->answered()) && !established_;
        break;
      case LongHeader::Type::handshake:
        if (waiting) return false;
        break;
      case LongHeader::Type::retry:
        return waiting;  // the library checks its seal
      case LongHeader::Type::zero_rtt:
        return false;
    }
  }
  return true;
}

bool Session::admissible_initial(const LongHeader& header, ByteView packet) {
  if (!first_passed_) return !dialled_;
  auto opened = open_initial(initial_->theirs, header, packet, board_->initial_text);
  if (!opened) return false;
  auto frames = decode_initial_frames(opened->payload);
  if (!frames) return false;
  if (dialled_ && initiator_ && !initiator_->answered()) {
    if (!frames->crypto || frames->crypto->offset != 0) return false;
    if (!initiator_->read_message2(frames->crypto->bytes)) return false;
    message_ = copy(frames->crypto->bytes);
  }
  return only_part_of(*frames, message_, initials_sent_);
}

void Session::use_initial_keys(const Cid& original) {
  // The gate has derived a responder's already, from the packet that the library hears of now.
  if (dialled_) initial_ = InitialProtection::of(original, initiator_->responder_x25519(), true);
  first_passed_ = true;
  const crypto::HmacKey mine(initial_->mine.view());
  constexpr auto suite = Suite::chacha20_poly1305;
  auto rx_iv = initial_->theirs.key.iv();
  ngtcp2_crypto_aead_ctx rx{new PacketKey(initial_->theirs.key)};
  ngtcp2_crypto_cipher_ctx rx_mask{new PacketMask(initial_->theirs.mask)};
  std::array<Byte, 12> tx_iv;
  auto tx = new_key(suite, mine, tx_iv);
  auto tx_mask = new_mask(suite, mine);
  ensure(ngtcp2_conn_install_initial_key(library_, &rx, rx_iv.data(), &rx_mask, &tx, tx_iv.data(), &tx_mask,
                                         rx_iv.size()) == 0,
         "memory for keys");
}

int Session::install_handshake_keys() {
  auto secrets = dialled_ ? initiator_->handshake_secrets() : responder_->handshake_secrets();
  const crypto::HmacKey mine((dialled_ ? secrets.initiator : secrets.responder).view());
  const crypto::HmacKey theirs((dialled_ ? secrets.responder : secrets.initiator).view());
  constexpr auto suite = Suite::chacha20_poly1305;
  std::array<Byte, 12> iv;
  auto rx = new_key(suite, theirs, iv);
  auto rx_mask = new_mask(suite, theirs);
  if (auto status = ngtcp2_conn_install_rx_handshake_key(library_, &rx, iv.data(), iv.size(), &rx_mask))
    return status;
  auto tx = new_key(suite, mine, iv);
  auto tx_mask = new_mask(suite, mine);
  return ngtcp2_conn_install_tx_handshake_key(library_, &tx, iv.data(), iv.size(), &tx_mask);
}

int Session::install_application_keys(const Secrets& secrets) {
  auto& mine = dialled_ ? secrets.initiator : secrets.responder;
  auto& theirs = dialled_ ? secrets.responder : secrets.initiator;
  const crypto::HmacKey my_key(mine.view()), their_key(theirs.view());
  ngtcp2_crypto_ctx context{};
  context.aead.max_overhead = PacketKey::tag_size;
  auto limits = use_limits(suite_);
  context.max_encryption = limits.encryptions;
  context.max_decryption_failure = limits.failures;
  ngtcp2_conn_set_crypto_ctx(library_, &context);
  std::array<Byte, 12> iv;
  auto rx = new_key(suite_, their_key, iv);
  auto rx_mask = new_mask(suite_, their_key);
  if (auto status = ngtcp2_conn_install_rx_key(library_, theirs.data(), theirs.size, &rx, iv.data(),
                                               iv.size(), &rx_mask))
    return status;
  auto tx = new_key(suite_, my_key, iv);
  auto tx_mask = new_mask(suite_, my_key);
  return ngtcp2_conn_install_tx_key(library_, mine.data(), mine.size, &tx, iv.data(), iv.size(), &tx_mask);
}

Bytes Session::encoded_parameters() const {
  auto parameters = *ngtcp2_conn_get_local_transport_params(library_);
  // The library always offers to have the QUIC bit greased (RFC 9287). But the first byte of a packet says
  // which of the socket's protocols it is for: with that bit cleared, it would be taken for DTLS.
  parameters.grease_quic_bit = 0;
  Bytes out(transport_parameters_max);
  auto size = ngtcp2_encode_transport_params(out.data(), out.size(),
                                             dialled_ ? NGTCP2_TRANSPORT_PARAMS_TYPE_CLIENT_HELLO
                                                      : NGTCP2_TRANSPORT_PARAMS_TYPE_ENCRYPTED_EXTENSIONS,
                                             &parameters);
  ensure(size > 0, "our transport parameters fit");
  out.resize(static_cast<std::size_t>(size));
  return out;
}

int Session::start_initiator() {
  use_initial_keys(from_library(*ngtcp2_conn_get_dcid(library_)));
  auto message = initiator_->write_message1(encoded_parameters(), board_->random);
  if (!message) return NGTCP2_ERR_CALLBACK_FAILURE;
  return ngtcp2_conn_submit_crypto_data(library_, NGTCP2_CRYPTO_LEVEL_INITIAL, message->data(),
                                        message->size());
}

void Session::hear_retry(const Cid& cid) { use_initial_keys(cid); }

int Session::hear_crypto(ngtcp2_crypto_level level, ByteView bytes) {
  if (level == NGTCP2_CRYPTO_LEVEL_INITIAL) {
    if (!std::equal(bytes.begin(), bytes.end(), message_.begin(), message_.end())) return NGTCP2_ERR_CRYPTO;
    return dialled_ ? install_handshake_keys() : hear_message1();
  }
  if (level != NGTCP2_CRYPTO_LEVEL_HANDSHAKE || established_) return NGTCP2_ERR_CRYPTO;
  append(hello_, bytes);
  if (dialled_) {
    if (!initiator_ || hello_.size() > 2 + hello_max) return NGTCP2_ERR_CRYPTO;
    if (hello_.size() < 2 || hello_.size() < 2u + (std::size_t{hello_[0]} << 8 | hello_[1])) return 0;
    return hear_hello();
  }
  if (hello_.size() < finished_size) return 0;
  if (!responder_ || !responder_->finished_by(hello_)) return NGTCP2_ERR_CRYPTO;
  if (auto status = install_application_keys(responder_->application_secrets())) return status;
  complete(responder_->exporter());
  return 0;
}

int Session::hear_message1() {
  auto& introduction = responder_->introduction();
  // The server drops Handshake packets until it knows the client's transport parameters.
  auto& theirs = introduction.transport_parameters;
  if (auto status = ngtcp2_conn_decode_remote_transport_params(library_, theirs.data(), theirs.size()))
    return status;
  auto suite = responder_->choose(board_->settings.suites);
  auto message2 = responder_->write_message2(board_->random);
  if (!suite || !message2) return NGTCP2_ERR_CRYPTO;
  suite_ = *suite;
  if (auto status = ngtcp2_conn_submit_crypto_data(library_, NGTCP2_CRYPTO_LEVEL_INITIAL, message2->data(),
                                                   message2->size()))
    return status;
  // The keys come first: encoding before them yields parameters that the client refuses.
  if (auto status = install_handshake_keys()) return status;
  auto bytes = responder_->write_hello({suite_, encoded_parameters(), board_->settings.certificate});
  return ngtcp2_conn_submit_crypto_data(library_, NGTCP2_CRYPTO_LEVEL_HANDSHAKE, bytes.data(), bytes.size());
}

int Session::hear_hello() {
  auto hello = initiator_->read_hello(hello_);
  if (!hello) return NGTCP2_ERR_CRYPTO;
  auto& theirs = hello->transport_parameters;
  if (auto status = ngtcp2_conn_decode_remote_transport_params(library_, theirs.data(), theirs.size()))
    return status;
  suite_ = hello->suite;
  peer_certificate_ = std::move(hello->certificate);
  auto finished = initiator_->finished();
  if (auto status = ngtcp2_conn_submit_crypto_data(library_, NGTCP2_CRYPTO_LEVEL_HANDSHAKE, finished.data(),
                                                   finished.size))
    return status;
  if (auto status = install_application_keys(initiator_->application_secrets())) return status;
  complete(initiator_->exporter());
  return 0;
}

void Session::complete(const Secret<32>& exporter) {
  exporter_ = exporter;
  ngtcp2_conn_handshake_completed(library_);
}

}  // namespace conclave::quic
