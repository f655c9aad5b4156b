#include "transport/lan/dns.hpp"

#include <algorithm>

#include "crypto/ensure.hpp"

namespace conclave::lan::dns {
namespace {

constexpr std::size_t name_max = 255;
constexpr std::uint16_t internet = 1;
constexpr std::uint16_t authoritative_response = 0x8400;

void put(Bytes& out, std::uint64_t value, int bytes) {
  for (int i = bytes; i-- > 0;) out.push_back(static_cast<Byte>(value >> (8 * i)));
}

void put_name(Bytes& out, std::string_view name) {
  while (!name.empty()) {
    auto label = name.substr(0, name.find('.'));
    ensure(!label.empty() && label.size() <= 63, "a label of 1 to 63 bytes");
    out.push_back(static_cast<Byte>(label.size()));
    append(out, view(label));
    name.remove_prefix(std::min(name.size(), label.size() + 1));
  }
  out.push_back(0);
}

Bytes data_of(const Record& record) {
  Bytes out;
  if (record.type == Type::ptr) put_name(out, record.target);
  for (auto& text : record.texts) {
    ensure(text.size() <= 255, "a text of at most 255 bytes");
    out.push_back(static_cast<Byte>(text.size()));
    append(out, view(text));
  }
  return out;
}

class Reader {
 public:
  explicit Reader(ByteView packet) : packet_(packet) {}

  Result<std::uint64_t> number(std::size_t bytes) {
    TRY(auto raw, take(bytes));
    std::uint64_t out = 0;
    for (Byte byte : raw) out = out << 8 | byte;
    return out;
  }
  Result<ByteView> take(std::size_t bytes) {
    if (packet_.size() - at_ < bytes) return fail(Errc::malformed);
    auto out = packet_.subspan(at_, bytes);
    at_ += bytes;
    return out;
  }
  Result<std::string> name() {
    std::string out;
    auto at = at_;
    auto limit = at;  // where a pointer must point below: so a chain of them ends
    bool jumped = false;
    for (;;) {
      if (at >= packet_.size()) return fail(Errc::malformed);
      std::size_t length = packet_[at];
      if (length >= 0xc0) {
        if (at + 1 >= packet_.size()) return fail(Errc::malformed);
        std::size_t target = (length & 0x3f) << 8 | packet_[at + 1];
        if (!jumped) at_ = at + 2;
        jumped = true;
        if (target >= limit) return fail(Errc::malformed);
        limit = at = target;
        continue;
      }
      if (length > 63 || at + 1 + length > packet_.size()) return fail(Errc::malformed);
      if (length == 0) break;
      if (out.size() + length + 1 > name_max) return fail(Errc::too_long);
      if (!out.empty()) out += '.';
      for (Byte byte : packet_.subspan(at + 1, length)) {
        // A dot inside a label would read as another name.
        if (byte == '.' || byte == 0) return fail(Errc::malformed);
        out += static_cast<char>(byte >= 'A' && byte <= 'Z' ? byte + 32 : byte);
      }
      at += 1 + length;
    }
    if (!jumped) at_ = at + 1;
    return out;
  }
  std::size_t position() const { return at_; }
  void seek(std::size_t at) { at_ = at; }

 private:
  ByteView packet_;
  std::size_t at_ = 0;
};

Result<Question> question(Reader& in) {
  Question out;
  TRY(out.name, in.name());
  TRY(auto type, in.number(2));
  TRY(auto family, in.number(2));
  (void)family;  // its top bit asks for a unicast answer; we always answer to all
  out.type = static_cast<Type>(type);
  return out;
}

Result<Record> record(Reader& in) {
  Record out;
  TRY(out.name, in.name());
  TRY(auto type, in.number(2));
  CHECK(in.number(2));
  TRY(auto ttl, in.number(4));
  TRY(auto length, in.number(2));
  out.type = static_cast<Type>(type);
  out.ttl_s = static_cast<std::uint32_t>(ttl);
  auto begin = in.position();
  TRY(auto data, in.take(length));
  if (out.type == Type::ptr) {
    in.seek(begin);
    TRY(out.target, in.name());
    if (in.position() != begin + length) return fail(Errc::malformed);
  } else if (out.type == Type::txt) {
    while (!data.empty()) {
      std::size_t size = data[0];
      if (data.size() < 1 + size) return fail(Errc::malformed);
      if (out.texts.size() >= Message::texts_max) return fail(Errc::too_long);
      out.texts.emplace_back(text(data.subspan(1, size)));
      data = data.subspan(1 + size);
    }
  }
  return out;
}

}  // namespace

Bytes encode(const Message& message, std::size_t additional) {
  ensure(additional <= message.records.size(), "additional records are records");
  Bytes out;
  put(out, 0, 2);  // id: RFC 6762, 18.1
  put(out, message.response ? authoritative_response : 0, 2);
  put(out, message.questions.size(), 2);
  put(out, message.records.size() - additional, 2);
  put(out, 0, 2);
  put(out, additional, 2);
  for (auto& one : message.questions) {
    put_name(out, one.name);
    put(out, static_cast<std::uint16_t>(one.type), 2);
    put(out, internet, 2);
  }
  for (auto& one : message.records) {
    put_name(out, one.name);
    put(out, static_cast<std::uint16_t>(one.type), 2);
    put(out, internet, 2);
    put(out, one.ttl_s, 4);
    auto data = data_of(one);
    put(out, data.size(), 2);
    append(out, data);
  }
  return out;
}

Result<Message> decode(ByteView packet) {
  if (packet.size() > Message::size_max) return fail(Errc::too_long);
  Reader in(packet);
  Message out;
  CHECK(in.number(2));
  TRY(auto flags, in.number(2));
  out.response = (flags & 0x8000) != 0;
  if ((flags & 0x7800) != 0) return fail(Errc::malformed);  // opcode: RFC 6762, 18.3
  TRY(auto questions, in.number(2));
  std::uint64_t records = 0;
  for (int section = 0; section < 3; ++section) {
    TRY(auto count, in.number(2));
    records += count;
  }
  if (questions > Message::questions_max || records > Message::records_max) return fail(Errc::too_long);
  for (; questions > 0; --questions) {
    TRY(auto one, question(in));
    out.questions.push_back(std::move(one));
  }
  for (; records > 0; --records) {
    TRY(auto one, record(in));
    out.records.push_back(std::move(one));
  }
  return out;
}

}  // namespace conclave::lan::dns
