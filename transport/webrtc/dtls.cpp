#include "transport/webrtc/dtls.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <sys/time.h>

#include <utility>

#include "crypto/ensure.hpp"

#if OPENSSL_VERSION_NUMBER >= 0x30200000L
#error "From 3.2 on OpenSSL hands out a copy of its DTLS timer: retransmissions need another way to be driven."
#endif

namespace conclave::webrtc {
namespace {

struct FreeSsl {
  void operator()(SSL* ssl) const { SSL_free(ssl); }
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
  void operator()(BIO_METHOD* method) const { BIO_meth_free(method); }
  void operator()(X509* certificate) const { X509_free(certificate); }
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};

/// An association that a stranger makes us keep must not grow: datagrams beyond this are as good as lost.
constexpr std::size_t queue_max = 64;

/// Where OpenSSL reads and writes: one datagram at a time.
struct Wire {
  ByteView incoming;
  std::vector<Bytes> outgoing;
  timeval* timer = nullptr;  ///< OpenSSL's retransmission timer, zero when unarmed
};

Wire& wire_of(BIO* bio) { return *static_cast<Wire*>(BIO_get_data(bio)); }

int write_datagram(BIO* bio, const char* data, int size) {
  auto& wire = wire_of(bio);
  auto* bytes = reinterpret_cast<const Byte*>(data);
  if (wire.outgoing.size() < queue_max) wire.outgoing.emplace_back(bytes, bytes + size);
  return size;
}

int read_datagram(BIO* bio, char* into, int room) {
  auto& wire = wire_of(bio);
  BIO_clear_retry_flags(bio);
  if (wire.incoming.empty()) {
    BIO_set_retry_read(bio);
    return -1;
  }
  auto size = std::min(wire.incoming.size(), static_cast<std::size_t>(room));
  std::memcpy(into, wire.incoming.data(), size);
  wire.incoming = {};
  return static_cast<int>(size);
}

long control(BIO* bio, int command, long, void* argument) {
  switch (command) {
    case BIO_CTRL_FLUSH: return 1;
    case BIO_CTRL_DGRAM_SET_NEXT_TIMEOUT:
      // OpenSSL asks the wall clock when to retransmit; we decide by the clock that is handed in. This is the
      // only door to its timer: the pointer is into the SSL object and lives as long as that does.
      wire_of(bio).timer = static_cast<timeval*>(argument);
      return 1;
    default: return 0;
  }
}

BIO_METHOD* wire_method() {
  static const std::unique_ptr<BIO_METHOD, FreeSsl> method = [] {
    std::unique_ptr<BIO_METHOD, FreeSsl> made(BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "datagrams"));
    BIO_meth_set_write(made.get(), write_datagram);
    BIO_meth_set_read(made.get(), read_datagram);
    BIO_meth_set_ctrl(made.get(), control);
    BIO_meth_set_create(made.get(), [](BIO* bio) {
      BIO_set_init(bio, 1);
      return 1;
    });
    return made;
  }();
  return method.get();
}

}  // namespace

struct DtlsContext::Impl {
  std::unique_ptr<SSL_CTX, FreeSsl> context{SSL_CTX_new(DTLS_method())};
};

DtlsContext::DtlsContext(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
DtlsContext::~DtlsContext() = default;

Result<std::unique_ptr<DtlsContext>> DtlsContext::make(const Certificate& certificate) {
  auto impl = std::make_unique<Impl>();
  auto* context = impl->context.get();
  const auto* at = certificate.der.data();
  std::unique_ptr<X509, FreeSsl> x509(d2i_X509(nullptr, &at, static_cast<long>(certificate.der.size())));
  at = certificate.key_der.data();
  std::unique_ptr<EVP_PKEY, FreeSsl> key(
      d2i_AutoPrivateKey(nullptr, &at, static_cast<long>(certificate.key_der.size())));
  if (!x509 || !key || SSL_CTX_use_certificate(context, x509.get()) != 1 ||
      SSL_CTX_use_PrivateKey(context, key.get()) != 1 || SSL_CTX_check_private_key(context) != 1) {
    ERR_clear_error();
    return fail(Errc::malformed);
  }
  bool ok = SSL_CTX_set_min_proto_version(context, DTLS1_2_VERSION) == 1 &&
            SSL_CTX_set_max_proto_version(context, DTLS1_2_VERSION) == 1 &&
            SSL_CTX_set_cipher_list(context, "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
                                             "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305") == 1 &&
            SSL_CTX_set1_groups_list(context, "X25519:P-256") == 1 &&
            SSL_CTX_set_tlsext_use_srtp(context, "SRTP_AEAD_AES_128_GCM") == 0;
  ensure(ok, "OpenSSL knows the algorithms");
  SSL_CTX_set_options(context, SSL_OP_NO_QUERY_MTU | SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_read_ahead(context, 1);
  // Any certificate passes here; the fingerprint decides when the handshake is done.
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT,
                     [](int, X509_STORE_CTX*) { return 1; });
  return std::unique_ptr<DtlsContext>(new DtlsContext(std::move(impl)));
}

struct Dtls::Impl {
  std::unique_ptr<SSL, FreeSsl> ssl;
  Wire wire;
  Fingerprint peer;
  Role role;
  State state = State::handshaking;
  Error error;
  std::vector<Bytes> messages;
  TimePoint deadline = TimePoint::max();
  Duration patience = patience_first;

  /// Runs OpenSSL until it wants another datagram.
  void drive(TimePoint now) {
    ERR_clear_error();
    if (state == State::handshaking) {
      int status = SSL_do_handshake(ssl.get());
      if (status == 1) finish_handshake();
      else settle(status);
    }
    while (state == State::connected) {
      std::array<Byte, 16384> buffer;
      int size = SSL_read(ssl.get(), buffer.data(), buffer.size());
      if (size <= 0) {
        settle(size);
        break;
      }
      if (messages.size() < queue_max) messages.emplace_back(buffer.begin(), buffer.begin() + size);
    }
    arm(now);
  }

  void finish_handshake() {
    std::unique_ptr<X509, FreeSsl> certificate(SSL_get1_peer_certificate(ssl.get()));
    Fingerprint actual;
    unsigned size = 0;
    bool right = certificate && X509_digest(certificate.get(), EVP_sha256(), actual.bytes.data(), &size) == 1 &&
                 actual == peer;
    if (!right) {
      close_with(Errc::bad_key);
    } else if (SSL_get_selected_srtp_profile(ssl.get()) == nullptr) {
      close_with(Errc::unsupported);
    } else {
      state = State::connected;
    }
  }

  void settle(int status) {
    int reason = SSL_get_error(ssl.get(), status);
    if (reason == SSL_ERROR_WANT_READ || reason == SSL_ERROR_WANT_WRITE) return;
    if (reason == SSL_ERROR_ZERO_RETURN) {
      state = State::closed;
    } else {
      close_with(Errc::refused);
    }
    ERR_clear_error();
  }

  void close_with(Errc why) {
    error = why;
    if (state != State::closed && SSL_is_init_finished(ssl.get())) SSL_shutdown(ssl.get());
    state = State::closed;
    ERR_clear_error();
  }

  bool armed() const { return wire.timer && (wire.timer->tv_sec != 0 || wire.timer->tv_usec != 0); }

  /// Follows OpenSSL's timer: a flight that it starts to wait for gets a deadline of ours.
  void arm(TimePoint now) {
    if (state == State::closed || !armed()) {
      deadline = TimePoint::max();
      patience = patience_first;
    } else if (deadline == TimePoint::max()) {
      deadline = now + patience;
    }
  }
};

Dtls::Dtls(const DtlsContext& context, Role role, const Fingerprint& peer) : impl_(std::make_unique<Impl>()) {
  impl_->peer = peer;
  impl_->role = role;
  impl_->ssl.reset(SSL_new(context.impl_->context.get()));
  auto* ssl = impl_->ssl.get();
  auto* bio = BIO_new(wire_method());
  ensure(ssl && bio, "OpenSSL makes an association");
  BIO_set_data(bio, &impl_->wire);
  SSL_set_bio(ssl, bio, bio);
  SSL_set_mtu(ssl, datagram_max);
  // An hour: OpenSSL's own clock never fires; `advance` does.
  DTLS_set_timer_cb(ssl, [](SSL*, unsigned) { return 3'600'000'000U; });
  if (role == Role::client) SSL_set_connect_state(ssl);
  else SSL_set_accept_state(ssl);
}
Dtls::~Dtls() = default;

void Dtls::start(TimePoint now) {
  if (impl_->role == Role::client) impl_->drive(now);
}

void Dtls::receive(ByteView datagram, TimePoint now) {
  if (impl_->state == State::closed) return;
  impl_->wire.incoming = datagram;
  auto before = impl_->wire.outgoing.size();
  impl_->drive(now);
  impl_->wire.incoming = {};
  // Progress: the next flight has the whole patience again.
  if (impl_->wire.outgoing.size() > before && impl_->armed()) {
    impl_->patience = patience_first;
    impl_->deadline = now + impl_->patience;
  }
}

void Dtls::advance(TimePoint now) {
  if (now < impl_->deadline) return;
  impl_->patience = std::min(impl_->patience * 2, patience_max);
  impl_->deadline = now + impl_->patience;
  *impl_->wire.timer = {0, 1};  // long past: now OpenSSL agrees that it is time
  ERR_clear_error();
  if (DTLSv1_handle_timeout(impl_->ssl.get()) < 0) impl_->close_with(Errc::timed_out);
  if (impl_->state == State::closed) impl_->deadline = TimePoint::max();
}

TimePoint Dtls::deadline() const { return impl_->deadline; }

Result<> Dtls::send(ByteView message) {
  if (impl_->state != State::connected) return fail(Errc::closed);
  if (message.empty() || message.size() > datagram_max - overhead) return fail(Errc::too_long);
  ERR_clear_error();
  int status = SSL_write(impl_->ssl.get(), message.data(), static_cast<int>(message.size()));
  if (status <= 0) {
    impl_->settle(status);
    return fail(Errc::closed);
  }
  return {};
}

void Dtls::close() {
  if (impl_->state == State::connected) SSL_shutdown(impl_->ssl.get());
  impl_->state = State::closed;
  impl_->deadline = TimePoint::max();
  ERR_clear_error();
}

Dtls::State Dtls::state() const { return impl_->state; }
Error Dtls::error() const { return impl_->error; }
std::vector<Bytes> Dtls::take_datagrams() { return std::exchange(impl_->wire.outgoing, {}); }
std::vector<Bytes> Dtls::take_messages() { return std::exchange(impl_->messages, {}); }

std::pair<SrtpKeys, SrtpKeys> Dtls::srtp_keys() const {
  ensure(impl_->state == State::connected, "keys exist once connected");
  constexpr std::string_view label = "EXTRACTOR-dtls_srtp";
  Secret<56> material;  // client key, server key, client salt, server salt
  ensure(SSL_export_keying_material(impl_->ssl.get(), material.data(), 56, label.data(), label.size(), nullptr, 0, 0) == 1,
         "OpenSSL exports keys");
  SrtpKeys client, server;
  auto from = material.view();
  std::copy_n(from.begin(), 16, client.key.span().begin());
  std::copy_n(from.begin() + 16, 16, server.key.span().begin());
  std::copy_n(from.begin() + 32, 12, client.salt.span().begin());
  std::copy_n(from.begin() + 44, 12, server.salt.span().begin());
  if (impl_->role == Role::client) return {client, server};
  return {server, client};
}

}  // namespace conclave::webrtc
