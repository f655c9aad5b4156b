// Texts and binary forms of keys, and the codecs under them: what reads, writes back to itself.
#include "crypto/codec/base58.hpp"
#include "crypto/codec/base_n.hpp"
#include "crypto/codec/key_text.hpp"
#include "crypto/codec/varint.hpp"
#include "tests/fuzz/fuzz.hpp"

using namespace conclave;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const bool started = (crypto::init(), true);
  (void)started;
  ByteView input(data, size);
  auto line = text(input);
  if (auto key = codec::account_key_from_text(line))
    ensure(codec::account_key_from_text(codec::to_text(*key)) == *key, "an account key reads back");
  if (auto key = codec::node_key_from_text(line))
    ensure(codec::node_key_from_text(codec::to_text(*key)) == *key, "a node key reads back");
  if (auto key = codec::node_key_from_peer_id(input))
    ensure(codec::peer_id(*key) == copy(input), "a peer id has one form");
  if (auto key = codec::node_key_from_protobuf(input))
    ensure(codec::public_key_protobuf(*key) == copy(input), "a key's protobuf has one form");
  if (auto bytes = codec::from_base58(line)) ensure(codec::base58(*bytes) == line, "base58 has one form");
  if (auto bytes = codec::from_base32(line)) ensure(codec::base32(*bytes) == line, "base32 has one form");
  if (auto bytes = codec::from_base64url(line))
    ensure(codec::base64url(*bytes) == line, "base64url has one form");
  if (auto number = codec::read_varint(input); number && *number)
    ensure(codec::varint((*number)->value) == copy(input.first((*number)->size)), "a varint has one form");
  return 0;
}
