#include "dht/wire.hpp"

#include "crypto/codec/msgpack.hpp"
#include "crypto/sealed_entry.hpp"

namespace conclave::dht {

namespace {

constexpr std::size_t v4_size = 32 + 8 + 2 + 4, v6_size = 32 + 8 + 2 + 16;

void append_big_endian(Bytes& out, std::uint64_t value, int bytes) {
  for (int i = bytes - 1; i >= 0; --i) out.push_back(static_cast<Byte>(value >> (8 * i)));
}

bool possible(const io::Endpoint& at) {
  if (at.port == 0 || at.ip.unspecified()) return false;
  return at.ip.family == io::IpAddress::Family::v4 ? at.ip.bytes[0] < 224 && at.ip.bytes[0] != 0
                                                   : at.ip.bytes[0] != 0xff;
}

using Ping = std::tuple<std::uint8_t, std::uint8_t, bool, std::uint64_t>;
using Find = std::tuple<std::uint8_t, std::uint8_t, bool, std::uint64_t, Key>;
using Get = std::tuple<std::uint8_t, std::uint8_t, bool, std::uint64_t, Key, Key, std::vector<std::uint64_t>,
                       bool>;
using Put = std::tuple<std::uint8_t, std::uint8_t, bool, std::uint64_t, std::uint64_t, Bytes>;

using Pong = std::tuple<std::uint8_t, std::uint8_t, std::uint64_t>;
using Known = std::tuple<std::uint8_t, std::uint8_t, std::uint64_t, std::uint64_t, std::vector<Bytes>>;
using Held = std::tuple<std::uint8_t, std::uint8_t, std::uint64_t, std::uint64_t, std::vector<Bytes>,
                        std::vector<Bytes>, std::uint16_t>;
using Kept = std::tuple<std::uint8_t, std::uint8_t, std::uint64_t, std::uint8_t>;

/// The version is ours and the kind one we know.
Result<Kind> kind_of(const codec::Parsed& parsed) {
  TRY(auto count, parsed.root().array());
  if (count < 3) return fail(Errc::malformed);
  TRY(auto version, parsed.root().at(0).natural());
  TRY(auto kind, parsed.root().at(1).natural());
  if (version != wire_version || kind > static_cast<std::uint64_t>(Kind::put)) return fail(Errc::unsupported);
  return static_cast<Kind>(kind);
}

template <class T>
Result<T> typed(const codec::Parsed& parsed) {
  T out{};
  CHECK(codec::read(parsed.root(), out));
  return out;
}

Result<std::vector<Contact>> contacts_of(const std::vector<Bytes>& encoded) {
  if (encoded.size() > Contacted::max) return fail(Errc::too_long);
  std::vector<Contact> out;
  for (auto& bytes : encoded)
    if (auto contact = decode_contact(bytes)) out.push_back(*contact);
  return out;
}

std::vector<Bytes> encoded(const std::vector<Contact>& contacts) {
  std::vector<Bytes> out;
  for (auto& contact : contacts) out.push_back(encode(contact));
  return out;
}

}  // namespace

Bytes encode(const Contact& contact) {
  Bytes out = copy(contact.node);
  append_big_endian(out, contact.nonce, 8);
  append_big_endian(out, contact.at.port, 2);
  append(out, contact.at.ip.view());
  return out;
}

Result<Contact> decode_contact(ByteView in) {
  if (in.size() != v4_size && in.size() != v6_size) return fail(Errc::wrong_length);
  Contact out;
  std::copy_n(in.begin(), 32, out.node.bytes.begin());
  out.nonce = big_endian(in.data() + 32);
  out.at.port = static_cast<std::uint16_t>(in[40] << 8 | in[41]);
  out.at.ip.family = in.size() == v4_size ? io::IpAddress::Family::v4 : io::IpAddress::Family::v6;
  std::copy(in.begin() + 42, in.end(), out.at.ip.bytes.begin());
  if (!possible(out.at)) return fail(Errc::malformed);
  return out;
}

Bytes encode(const WireRequest& request) {
  const auto kind = static_cast<std::uint8_t>(request.kind);
  switch (request.kind) {
    case Kind::ping:
      return codec::pack(Ping{wire_version, kind, request.client, request.nonce});
    case Kind::find:
      return codec::pack(Find{wire_version, kind, request.client, request.nonce, request.target});
    case Kind::get:
      return codec::pack(Get{wire_version, kind, request.client, request.nonce, request.target, request.point,
                             request.have, request.page});
    case Kind::put:
      return codec::pack(
          Put{wire_version, kind, request.client, request.nonce, request.token, request.entry});
  }
  return {};
}

Result<WireRequest> decode_request(ByteView in) {
  TRY(auto parsed, codec::Parsed::from(in));
  WireRequest out;
  TRY(out.kind, kind_of(parsed));
  std::uint8_t version = 0, kind = 0;
  switch (out.kind) {
    case Kind::ping: {
      TRY(auto wire, typed<Ping>(parsed));
      std::tie(version, kind, out.client, out.nonce) = wire;
      break;
    }
    case Kind::find: {
      TRY(auto wire, typed<Find>(parsed));
      std::tie(version, kind, out.client, out.nonce, out.target) = wire;
      break;
    }
    case Kind::get: {
      TRY(auto wire, typed<Get>(parsed));
      std::tie(version, kind, out.client, out.nonce, out.target, out.point, out.have, out.page) =
          std::move(wire);
      if (out.have.size() > Request::have_max) return fail(Errc::too_long);
      break;
    }
    case Kind::put: {
      TRY(auto wire, typed<Put>(parsed));
      std::tie(version, kind, out.client, out.nonce, out.token, out.entry) = std::move(wire);
      if (out.entry.size() > SealedEntry::size_max) return fail(Errc::too_long);
      break;
    }
  }
  return out;
}

Bytes encode(const WireResponse& response) {
  const auto kind = static_cast<std::uint8_t>(response.kind);
  switch (response.kind) {
    case Kind::ping:
      return codec::pack(Pong{wire_version, kind, response.nonce});
    case Kind::find:
      return codec::pack(
          Known{wire_version, kind, response.nonce, response.token, encoded(response.contacts)});
    case Kind::get:
      return codec::pack(Held{wire_version, kind, response.nonce, response.token, encoded(response.contacts),
                              response.entries, response.more});
    case Kind::put:
      return codec::pack(
          Kept{wire_version, kind, response.nonce, static_cast<std::uint8_t>(response.status)});
  }
  return {};
}

Result<WireResponse> decode_response(ByteView in) {
  TRY(auto parsed, codec::Parsed::from(in));
  WireResponse out;
  TRY(out.kind, kind_of(parsed));
  std::uint8_t version = 0, kind = 0, status = 0;
  std::vector<Bytes> contacts;
  switch (out.kind) {
    case Kind::ping: {
      TRY(auto wire, typed<Pong>(parsed));
      std::tie(version, kind, out.nonce) = wire;
      break;
    }
    case Kind::find: {
      TRY(auto wire, typed<Known>(parsed));
      std::tie(version, kind, out.nonce, out.token, contacts) = std::move(wire);
      break;
    }
    case Kind::get: {
      TRY(auto wire, typed<Held>(parsed));
      std::tie(version, kind, out.nonce, out.token, contacts, out.entries, out.more) = std::move(wire);
      break;
    }
    case Kind::put: {
      TRY(auto wire, typed<Kept>(parsed));
      std::tie(version, kind, out.nonce, status) = wire;
      if (status > static_cast<std::uint8_t>(PutStatus::refused)) return fail(Errc::unsupported);
      out.status = static_cast<PutStatus>(status);
      break;
    }
  }
  TRY(out.contacts, contacts_of(contacts));
  return out;
}

Result<RecordPtr> record_of(ByteView entry) {
  TRY(auto sealed, decode_entry(entry));
  auto record = std::make_shared<Record>();
  record->point = {sealed.at.bytes};
  record->publisher = sealed.publisher;
  record->sequence = sealed.sequence;
  record->expires = sealed.expires;
  record->size = static_cast<std::uint16_t>(entry.size());
  record->wire = copy(entry);
  return record;
}

bool EntryTrust::genuine(const Record& record, UnixTime now) const {
  auto entry = decode_entry(record.wire);
  return entry && verify_entry(*entry, now).has_value();
}

}  // namespace conclave::dht
