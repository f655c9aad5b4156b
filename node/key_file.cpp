// The key file: a msgpack array within crypto/key_vault.hpp.
#include "crypto/codec/msgpack.hpp"
#include "node/error.hpp"
#include "node/profile_contents.hpp"

namespace conclave::node {

namespace {

constexpr std::uint8_t version = 1;
// version, account seed or nothing, node seed, certificate or nothing, body key
using KeysWire = std::tuple<std::uint8_t, std::optional<Bytes>, Bytes, std::optional<Bytes>, Bytes>;

Result<Keys> decode_keys(ByteView in) {
  TRY(auto wire, codec::unpack<KeysWire>(in));
  auto& [said, account, node, certificate, body] = wire;
  if (said != version) return fail(conclave::Errc::unsupported);
  TRY(auto node_seed, Secret<32>::from(node));
  TRY(auto body_key, Secret<32>::from(body));
  Keys keys{std::nullopt, NodeKeys::from_seed(node_seed), std::nullopt, body_key};
  if (account) {
    TRY(auto seed, Secret<32>::from(*account));
    keys.account = AccountKeys::from_seed(seed);
  }
  if (certificate) {
    TRY(keys.certificate, decode_certificate(*certificate));
    // Whether it has expired is not asked here: a profile with an old certificate is still a profile.
    if (keys.certificate->node != keys.node.public_key()) return fail(conclave::Errc::refused);
    if (keys.account && keys.certificate->account != keys.account->public_key())
      return fail(conclave::Errc::refused);
  }
  for (auto* secret : {&node, &body}) wipe(*secret);
  if (account) wipe(*account);
  return keys;
}

}  // namespace

Bytes Keys::encode() const {
  std::optional<Bytes> seed;
  if (account) seed = copy(account->seed().view());
  std::optional<Bytes> proof;
  if (certificate) proof = conclave::encode(*certificate);
  KeysWire wire{version, std::move(seed), copy(node.seed().view()), std::move(proof), copy(body_key.view())};
  auto out = codec::pack(wire);
  if (auto& copied = std::get<1>(wire)) wipe(*copied);
  wipe(std::get<2>(wire));
  wipe(std::get<4>(wire));
  return out;
}

Result<Keys> Keys::decode(ByteView in) {
  auto keys = decode_keys(in);
  if (!keys) return fail(Errc::profile_damaged);
  return keys;
}

}  // namespace conclave::node
