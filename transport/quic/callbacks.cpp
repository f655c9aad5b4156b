// What the QUIC library asks of us. Nothing here calls back into the library's reading or writing.
#include "transport/quic/session.hpp"

namespace conclave::quic {
namespace {

Session& session(void* user) { return *static_cast<Session*>(user); }

int seal(uint8_t* into, const ngtcp2_crypto_aead*, const ngtcp2_crypto_aead_ctx* key, const uint8_t* plain,
         size_t plain_size, const uint8_t* nonce, size_t nonce_size, const uint8_t* associated,
         size_t associated_size) {
  static_cast<PacketKey*>(key->native_handle)
      ->seal(into, {nonce, nonce_size}, {associated, associated_size}, {plain, plain_size});
  return 0;
}

int open(uint8_t* into, const ngtcp2_crypto_aead*, const ngtcp2_crypto_aead_ctx* key, const uint8_t* sealed,
         size_t sealed_size, const uint8_t* nonce, size_t nonce_size, const uint8_t* associated,
         size_t associated_size) {
  auto opened = static_cast<PacketKey*>(key->native_handle)
                    ->open(into, {nonce, nonce_size}, {associated, associated_size}, {sealed, sealed_size});
  return opened ? 0 : NGTCP2_ERR_DECRYPT;
}

int mask(uint8_t* into, const ngtcp2_crypto_cipher*, const ngtcp2_crypto_cipher_ctx* key,
         const uint8_t* sample) {
  auto out = static_cast<PacketMask*>(key->native_handle)->mask({sample, NGTCP2_HP_SAMPLELEN});
  std::copy(out.begin(), out.end(), into);
  return 0;
}

void delete_key(ngtcp2_conn*, ngtcp2_crypto_aead_ctx* key, void*) {
  delete static_cast<PacketKey*>(key->native_handle);
  key->native_handle = nullptr;
}

void delete_mask(ngtcp2_conn*, ngtcp2_crypto_cipher_ctx* key, void*) {
  delete static_cast<PacketMask*>(key->native_handle);
  key->native_handle = nullptr;
}

int update_key(ngtcp2_conn*, uint8_t* rx_secret, uint8_t* tx_secret, ngtcp2_crypto_aead_ctx* rx,
               uint8_t* rx_iv, ngtcp2_crypto_aead_ctx* tx, uint8_t* tx_iv, const uint8_t* old_rx,
               const uint8_t* old_tx, size_t secret_size, void* user) {
  auto next = [&](const uint8_t* old, uint8_t* secret_out, ngtcp2_crypto_aead_ctx* key_out, uint8_t* iv_out) {
    auto secret = Secret<32>::from({old, secret_size});
    if (!secret) return false;
    auto fresh = next_secret(*secret);
    std::copy_n(fresh.data(), fresh.size, secret_out);
    auto* key = new PacketKey(session(user).suite(), fresh.view());
    std::copy(key->iv().begin(), key->iv().end(), iv_out);
    key_out->native_handle = key;
    return true;
  };
  return next(old_rx, rx_secret, rx, rx_iv) && next(old_tx, tx_secret, tx, tx_iv)
             ? 0
             : NGTCP2_ERR_CALLBACK_FAILURE;
}

void fill(uint8_t* into, size_t size, const ngtcp2_rand_ctx* context) {
  static_cast<Random*>(context->native_handle)->fill({into, size});
}

}  // namespace

/// Those that need the session's inside.
struct Callbacks {
  static int client_initial(ngtcp2_conn*, void* user) { return session(user).start_initiator(); }

  static int recv_client_initial(ngtcp2_conn*, const ngtcp2_cid* cid, void* user) {
    session(user).use_initial_keys(from_library(*cid));
    return 0;
  }

  static int recv_crypto_data(ngtcp2_conn*, ngtcp2_crypto_level level, uint64_t, const uint8_t* data,
                              size_t size, void* user) {
    return session(user).hear_crypto(level, {data, size});
  }

  static int handshake_completed(ngtcp2_conn*, void* user) {
    auto& self = session(user);
    self.established_ = true;
    // RFC 9001 4.1.2: to a server, complete is confirmed.
    if (!self.dialled_) self.confirmed_ = true;
    return 0;
  }

  static int handshake_confirmed(ngtcp2_conn*, void* user) {
    session(user).confirmed_ = true;
    session(user).wake();
    return 0;
  }

  static int recv_retry(ngtcp2_conn*, const ngtcp2_pkt_hd* header, void* user) {
    session(user).hear_retry(from_library(header->scid));
    return 0;
  }

  static int version_negotiation(ngtcp2_conn*, uint32_t, const ngtcp2_cid*, void*) {
    return NGTCP2_ERR_CALLBACK_FAILURE;  // there is one version, and no packet that negotiates passes the
                                         // check
  }

  static int new_connection_id(ngtcp2_conn*, ngtcp2_cid* cid, uint8_t* token, size_t size, void* user) {
    auto& self = session(user);
    if (size != Cid::ours) return NGTCP2_ERR_CALLBACK_FAILURE;
    auto fresh = self.board_->new_cid();
    auto reset = self.board_->reset_token(fresh);
    *cid = to_library(fresh);
    std::copy(reset.bytes.begin(), reset.bytes.end(), token);
    self.board_->route(fresh, self);
    self.cids_.push_back(fresh);
    return 0;
  }

  static int remove_connection_id(ngtcp2_conn*, const ngtcp2_cid* cid, void* user) {
    auto& self = session(user);
    auto old = from_library(*cid);
    self.board_->unroute(old);
    std::erase(self.cids_, old);
    // The peer has moved to another id, most likely because it saw our address change.
    self.last_path_change_ = self.now();
    return 0;
  }

  static int peer_id_status(ngtcp2_conn*, int type, uint64_t, const ngtcp2_cid* cid, const uint8_t* token,
                            void* user) {
    auto& self = session(user);
    auto id = from_library(*cid);
    if (type == NGTCP2_CONNECTION_ID_STATUS_TYPE_ACTIVATE) {
      if (!token) return 0;
      auto reset = *ResetToken::from({token, ResetToken::size});
      self.resets_.emplace_back(id, reset);
      self.board_->expect_reset(reset, self);
      return 0;
    }
    std::erase_if(self.resets_, [&](const auto& entry) {
      if (entry.first != id) return false;
      self.board_->forget_reset(entry.second);
      return true;
    });
    return 0;
  }

  static int stream_open(ngtcp2_conn*, int64_t id, void* user) {
    session(user).add_stream(id)->name.emplace();
    return 0;
  }

  static int recv_stream_data(ngtcp2_conn*, uint32_t flags, int64_t id, uint64_t, const uint8_t* data,
                              size_t size, void* user, void* stream_user) {
    auto& self = session(user);
    auto* stream = static_cast<StreamState*>(stream_user);
    if (!stream) {
      stream = self.add_stream(id).get();  // opened by a higher id, before its own first byte
      stream->name.emplace();
    }
    self.hear_stream(*stream, {data, size}, (flags & NGTCP2_STREAM_DATA_FLAG_FIN) != 0);
    return 0;
  }

  static int acked_stream_data(ngtcp2_conn*, int64_t, uint64_t, uint64_t size, void* user,
                               void* stream_user) {
    auto* stream = static_cast<StreamState*>(stream_user);
    if (!stream || size == 0) return 0;
    auto count = static_cast<std::size_t>(size);
    stream->outgoing.drop(count);
    stream->handed -= count;
    auto& self = session(user);
    if (self.room(*stream) >= self.unsent_max_ / 4) stream->writable.ring();
    return 0;
  }

  static int extend_stream_window(ngtcp2_conn*, int64_t, uint64_t, void* user, void* stream_user) {
    auto* stream = static_cast<StreamState*>(stream_user);
    if (!stream || !stream->blocked) return 0;
    stream->blocked = false;
    session(user).want_to_send(*stream);
    return 0;
  }

  static int stream_reset(ngtcp2_conn* library, int64_t, uint64_t, uint64_t, void*, void* stream_user) {
    auto* stream = static_cast<StreamState*>(stream_user);
    if (!stream) return 0;
    ngtcp2_conn_extend_max_offset(library, stream->incoming.size());
    stream->incoming.clear();
    stream->reset_heard = true;
    stream->readable.ring();
    return 0;
  }

  static int stream_close(ngtcp2_conn* library, uint32_t, int64_t id, uint64_t, void* user, void*) {
    auto& self = session(user);
    if (!ngtcp2_conn_is_local_stream(library, id)) ngtcp2_conn_extend_max_streams_bidi(library, 1);
    auto found = self.streams_.find(id);
    if (found == self.streams_.end()) return 0;
    auto stream = found->second;
    auto& line = self.line_;
    if (stream->queued) line.erase(std::remove(line.begin(), line.end(), stream.get()), line.end());
    stream->queued = false;
    stream->end(false);
    self.streams_.erase(found);
    return 0;
  }

  static int more_streams(ngtcp2_conn*, uint64_t, void* user) {
    session(user).wake();
    return 0;
  }

  static int recv_datagram(ngtcp2_conn*, uint32_t, const uint8_t* data, size_t size, void* user) {
    auto& self = session(user);
    if (self.datagrams_.size() >= self.board_->settings.datagrams_max) self.datagrams_.pop_front();
    self.datagrams_.emplace_back(data, data + size);
    self.datagram_event_.ring();
    return 0;
  }

  static int path_validated(ngtcp2_conn*, uint32_t, const ngtcp2_path*, ngtcp2_path_validation_result result,
                            void* user) {
    session(user).on_validated(result != NGTCP2_PATH_VALIDATION_RESULT_FAILURE);
    return 0;
  }

  static int path_challenge(ngtcp2_conn*, uint8_t* data, void* user) {
    session(user).board_->random.fill({data, NGTCP2_PATH_CHALLENGE_DATALEN});
    return 0;
  }
};

const ngtcp2_callbacks& library_callbacks() {
  static const ngtcp2_callbacks callbacks = [] {
    ngtcp2_callbacks out{};
    out.client_initial = Callbacks::client_initial;
    out.recv_client_initial = Callbacks::recv_client_initial;
    out.recv_crypto_data = Callbacks::recv_crypto_data;
    out.handshake_completed = Callbacks::handshake_completed;
    out.handshake_confirmed = Callbacks::handshake_confirmed;
    out.encrypt = seal;
    out.decrypt = open;
    out.hp_mask = mask;
    out.recv_stream_data = Callbacks::recv_stream_data;
    out.acked_stream_data_offset = Callbacks::acked_stream_data;
    out.stream_open = Callbacks::stream_open;
    out.stream_close = Callbacks::stream_close;
    out.recv_retry = Callbacks::recv_retry;
    out.extend_max_local_streams_bidi = Callbacks::more_streams;
    out.rand = fill;
    out.get_new_connection_id = Callbacks::new_connection_id;
    out.remove_connection_id = Callbacks::remove_connection_id;
    out.update_key = update_key;
    out.stream_reset = Callbacks::stream_reset;
    out.extend_max_stream_data = Callbacks::extend_stream_window;
    out.dcid_status = Callbacks::peer_id_status;
    out.handshake_confirmed = Callbacks::handshake_confirmed;
    out.delete_crypto_aead_ctx = delete_key;
    out.delete_crypto_cipher_ctx = delete_mask;
    out.recv_datagram = Callbacks::recv_datagram;
    out.get_path_challenge_data = Callbacks::path_challenge;
    out.path_validation = Callbacks::path_validated;
    out.version_negotiation = Callbacks::version_negotiation;
    return out;
  }();
  return callbacks;
}

}  // namespace conclave::quic
