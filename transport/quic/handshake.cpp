#include "transport/quic/handshake.hpp"

#include "crypto/ensure.hpp"

namespace conclave::quic {
namespace {

constexpr Byte introduction_version = 1;

noise::Handshake start(noise::Role role, const Identity& ours, const NodeKey& responder,
                       const std::optional<X25519Key>& theirs) {
  auto words = prologue(responder);
  return noise::Handshake({noise::Pattern::ik, noise::Cipher::chacha_poly, role, ours.x25519, theirs, words});
}

void append_u16(Bytes& out, std::size_t value) {
  out.push_back(static_cast<Byte>(value >> 8));
  out.push_back(static_cast<Byte>(value));
}
std::size_t u16(ByteView in) { return std::size_t{in[0]} << 8 | in[1]; }

bool contains(std::span<const Suite> suites, Suite suite) {
  return std::find(suites.begin(), suites.end(), suite) != suites.end();
}

}  // namespace

Bytes encode(const Introduction& introduction) {
  Bytes out{introduction_version};
  append(out, introduction.node);
  out.push_back(static_cast<Byte>(introduction.suites.size()));
  for (auto suite : introduction.suites) out.push_back(static_cast<Byte>(suite));
  append(out, introduction.transport_parameters);
  return out;
}

Result<Introduction> decode_introduction(ByteView in) {
  if (in.size() < 1 + NodeKey::size + 1) return fail(Errc::malformed);
  if (in[0] != introduction_version) return fail(Errc::unsupported);
  Introduction out;
  TRY(out.node, NodeKey::from(in.subspan(1, NodeKey::size)));
  in = in.subspan(1 + NodeKey::size);
  std::size_t count = in[0];
  if (count > suites_max) return fail(Errc::limit_reached);
  if (in.size() < 1 + count) return fail(Errc::malformed);
  for (auto number : in.subspan(1, count))
    if (known(Suite{number})) out.suites.push_back(Suite{number});
  if (out.suites.empty()) return fail(Errc::refused);
  out.transport_parameters = copy(in.subspan(1 + count));
  return out;
}

Bytes encode(const Hello& hello) {
  Bytes out;
  append_u16(out, 1 + 2 + hello.transport_parameters.size() + hello.certificate.size());
  out.push_back(static_cast<Byte>(hello.suite));
  append_u16(out, hello.transport_parameters.size());
  append(out, hello.transport_parameters);
  append(out, hello.certificate);
  ensure(out.size() <= 2 + hello_max, "certificate leaves the hello within its limit");
  return out;
}

Result<Hello> decode_hello(ByteView in) {
  if (in.size() < 3) return fail(Errc::malformed);
  Hello out;
  out.suite = Suite{in[0]};
  if (!known(out.suite)) return fail(Errc::unsupported);
  auto size = u16(in.subspan(1));
  in = in.subspan(3);
  if (size > in.size()) return fail(Errc::malformed);
  out.transport_parameters = copy(in.first(size));
  out.certificate = copy(in.subspan(size));
  return out;
}

Result<Initiator> Initiator::dial(const Identity& ours, const NodeKey& responder, std::vector<Suite> suites,
                                  KeyCache& cache) {
  TRY(auto theirs, cache.convert(responder));
  return Initiator(start(noise::Role::initiator, ours, responder, theirs), ours.node, theirs,
                   std::move(suites));
}

Result<Bytes> Initiator::write_message1(ByteView transport_parameters, Random& random) {
  return noise_.write(encode(Introduction{node_, suites_, copy(transport_parameters)}), random);
}

Result<> Initiator::read_message2(ByteView message) {
  if (message.size() != message2_size) return fail(Errc::malformed);
  TRY(auto payload, noise_.read(message));
  ensure(payload.empty(), "48 bytes leave no payload");
  return {};
}

Secrets Initiator::handshake_secrets() const {
  return quic::handshake_secrets(noise_.chaining_key(), noise_.handshake_hash());
}

Result<Hello> Initiator::read_hello(ByteView hello) {
  if (hello.size() < 2 || u16(hello) != hello.size() - 2) return fail(Errc::malformed);
  TRY(auto out, decode_hello(hello.subspan(2)));
  if (!contains(suites_, out.suite)) return fail(Errc::unsupported);
  hash_ = hash_hello(noise_.handshake_hash(), hello);
  return out;
}

Secret<32> Initiator::finished() const { return quic::finished(noise_.chaining_key(), hash_); }
Secrets Initiator::application_secrets() const {
  return quic::application_secrets(noise_.split_keys(), hash_);
}
Secret<32> Initiator::exporter() const { return exporter_secret(noise_.chaining_key(), hash_); }

Result<Responder> Responder::read_message1(const Identity& ours, ByteView message, KeyCache& cache) {
  if (message.size() > message1_max) return fail(Errc::too_long);
  auto noise = start(noise::Role::responder, ours, ours.node, std::nullopt);
  TRY(auto payload, noise.read(message));
  TRY(auto introduction, decode_introduction(payload));
  TRY(auto converted, cache.convert(introduction.node));
  if (converted != noise.their_static()) return fail(Errc::bad_key);
  return Responder(std::move(noise), std::move(introduction));
}

Result<Bytes> Responder::write_message2(Random& random) { return noise_.write({}, random); }

Secrets Responder::handshake_secrets() const {
  return quic::handshake_secrets(noise_.chaining_key(), noise_.handshake_hash());
}

Result<Suite> Responder::choose(std::span<const Suite> ours) const {
  for (auto suite : ours)
    if (contains(introduction_.suites, suite)) return suite;
  return fail(Errc::refused);
}

Bytes Responder::write_hello(const Hello& hello) {
  auto out = encode(hello);
  hash_ = hash_hello(noise_.handshake_hash(), out);
  return out;
}

bool Responder::finished_by(ByteView message) const {
  return same_secret(message, quic::finished(noise_.chaining_key(), hash_).view());
}

Secrets Responder::application_secrets() const {
  return quic::application_secrets(noise_.split_keys(), hash_);
}
Secret<32> Responder::exporter() const { return exporter_secret(noise_.chaining_key(), hash_); }

}  // namespace conclave::quic
