#include "transport/tcp/noise_payload.hpp"

#include "crypto/codec/key_text.hpp"
#include "transport/wire/protobuf.hpp"

namespace conclave::tcp {
namespace {

Bytes signed_bytes(const X25519Key& static_key) {
  Bytes out = copy(view("noise-libp2p-static-key:"));
  append(out, static_key);
  return out;
}

Result<std::vector<std::string>> decode_extensions(ByteView in) {
  std::vector<std::string> muxers;
  wire::ProtobufReader reader(in);
  for (;;) {
    TRY(auto field, reader.next());
    if (!field) return muxers;
    if (field->number != 2 || !field->is_bytes) continue;
    if (muxers.size() >= NoisePayload::muxers_max) return fail(Errc::too_long);
    muxers.emplace_back(text(field->bytes));
  }
}

}  // namespace

Bytes encode_noise_payload(const NodeKeys& keys, const X25519Key& static_key,
                           const std::vector<std::string>& muxers) {
  wire::ProtobufWriter extensions;
  for (const auto& muxer : muxers) extensions.text(2, muxer);
  wire::ProtobufWriter out;
  out.bytes(1, codec::public_key_protobuf(keys.public_key()));
  out.bytes(2, keys.sign_bare(signed_bytes(static_key)));
  out.bytes(4, extensions.take());
  return out.take();
}

Result<NoisePayload> verify_noise_payload(ByteView payload, const X25519Key& static_key) {
  if (payload.size() > NoisePayload::size_max) return fail(Errc::too_long);
  ByteView identity;
  ByteView signature;
  NoisePayload out;
  wire::ProtobufReader reader(payload);
  for (;;) {
    TRY(auto field, reader.next());
    if (!field) break;
    if (!field->is_bytes) continue;
    if (field->number == 1) identity = field->bytes;
    if (field->number == 2) signature = field->bytes;
    if (field->number == 4) {
      TRY(out.muxers, decode_extensions(field->bytes));
    }
  }
  TRY(out.identity, codec::node_key_from_protobuf(identity));
  auto exact = Signature::from(signature);
  if (!exact) return fail(Errc::bad_signature);
  CHECK(crypto::verify_bare(out.identity, signed_bytes(static_key), *exact));
  return out;
}

Result<std::optional<std::string>> early_muxer(const std::vector<std::string>& initiator,
                                               const std::vector<std::string>& responder) {
  if (initiator.empty() || responder.empty()) return std::nullopt;
  for (const auto& muxer : initiator) {
    if (std::find(responder.begin(), responder.end(), muxer) != responder.end()) return muxer;
  }
  return fail(Errc::unsupported);
}

}  // namespace conclave::tcp
