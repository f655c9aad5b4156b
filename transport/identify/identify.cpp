#include "transport/identify/identify.hpp"

#include "crypto/codec/key_text.hpp"
#include "transport/wire/delimited.hpp"
#include "transport/wire/protobuf.hpp"

namespace conclave::identify {
namespace asio = boost::asio;
namespace {

// The numbers of the fields.
enum Field : std::uint32_t {
  public_key = 1,
  listen_addrs = 2,
  protocols = 3,
  observed_addr = 4,
  protocol_version = 5,
  agent_version = 6,
};

Result<std::string> name_of(ByteView bytes) {
  if (bytes.size() > Identity::name_max) return fail(Errc::too_long);
  return std::string(text(bytes));
}

Result<> decode_field(const wire::ProtobufReader::Field& field, Identity& into) {
  if (!field.is_bytes) return {};
  switch (field.number) {
    case public_key: {
      TRY(into.key, codec::node_key_from_protobuf(field.bytes));
      return {};
    }
    case listen_addrs: {
      auto address = address::Multiaddr::decode(field.bytes);
      if (address && into.listening.size() < Identity::addresses_max) into.listening.push_back(*std::move(address));
      return {};
    }
    case protocols: {
      TRY(auto name, name_of(field.bytes));
      if (into.protocols.size() < Identity::protocols_max) into.protocols.push_back(std::move(name));
      return {};
    }
    case observed_addr: {
      if (auto address = address::Multiaddr::decode(field.bytes)) into.observed = *std::move(address);
      return {};
    }
    case protocol_version: {
      TRY(into.protocol_version, name_of(field.bytes));
      return {};
    }
    case agent_version: {
      TRY(into.agent, name_of(field.bytes));
      return {};
    }
    default:
      return {};
  }
}

}  // namespace

Bytes encode_identity(const Identity& identity) {
  wire::ProtobufWriter out;
  if (identity.key) out.bytes(public_key, codec::public_key_protobuf(*identity.key));
  for (const auto& address : identity.listening) out.bytes(listen_addrs, address.encode());
  for (const auto& name : identity.protocols) out.text(protocols, name);
  if (identity.observed) out.bytes(observed_addr, identity.observed->encode());
  if (!identity.protocol_version.empty()) out.text(protocol_version, identity.protocol_version);
  if (!identity.agent.empty()) out.text(agent_version, identity.agent);
  return out.take();
}

Result<> decode_identity(ByteView message, Identity& into) {
  if (message.size() > Identity::message_max) return fail(Errc::too_long);
  wire::ProtobufReader reader(message);
  for (;;) {
    TRY(auto field, reader.next());
    if (!field) return {};
    CHECK(decode_field(*field, into));
  }
}

asio::awaitable<Result<>> tell(io::Stream& stream, Identity ours) {
  CO_CHECK(co_await wire::write_delimited(stream, encode_identity(ours)));
  co_return co_await stream.close_write();
}

asio::awaitable<Result<Identity>> hear(io::Stream& stream, NodeKey peer) {
  Identity out;
  for (std::size_t part = 0;; ++part) {
    auto message = co_await wire::read_delimited(stream, Identity::message_max);
    if (!message && message.error() == Errc::end_of_stream && part > 0) break;
    if (!message) co_return fail(message.error());
    if (part == Identity::messages_max) co_return fail(Errc::limit_reached);
    CO_CHECK(decode_identity(*message, out));
    if (out.key && *out.key != peer) co_return fail(Errc::bad_key);
  }
  co_return out;
}

}  // namespace conclave::identify
