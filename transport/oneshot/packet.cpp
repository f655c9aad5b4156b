#include "transport/oneshot/packet.hpp"

#include "crypto/ensure.hpp"

namespace conclave::oneshot {
namespace {

template <class Integer>
void put(MutableBytes out, Integer value) {
  for (std::size_t i = 0; i < out.size(); ++i)
    out[i] = static_cast<Byte>(static_cast<std::uint64_t>(value) >> (8 * (out.size() - 1 - i)));
}
std::uint64_t get(ByteView in) {
  std::uint64_t value = 0;
  for (Byte byte : in) value = value << 8 | byte;
  return value;
}

Result<Status> status_of(Byte byte) {
  if (byte > static_cast<Byte>(Status::in_session)) return fail(Errc::malformed);
  return static_cast<Status>(byte);
}

}  // namespace

std::array<Byte, header_size> Header::encode() const {
  std::array<Byte, header_size> out{static_cast<Byte>(type), version};
  put(std::span(out).subspan(2, 4), index);
  return out;
}

Result<Header> Header::decode(ByteView packet) {
  if (packet.size() < header_size) return fail(Errc::malformed);
  if (packet[0] < static_cast<Byte>(Type::first) || packet[0] > static_cast<Byte>(Type::cookie))
    return fail(Errc::malformed);
  if (packet[1] != version) return fail(Errc::unsupported);
  return Header{static_cast<Type>(packet[0]), static_cast<Index>(get(packet.subspan(2, 4)))};
}

std::array<Byte, session_header_size> SessionHeader::encode() const {
  std::array<Byte, session_header_size> out{static_cast<Byte>(type)};
  put(std::span(out).subspan(1, 4), index);
  put(std::span(out).subspan(5, 4), counter);
  return out;
}

Result<SessionHeader> SessionHeader::decode(ByteView packet) {
  if (packet.size() < session_header_size + tag_size) return fail(Errc::malformed);
  if (packet[0] != static_cast<Byte>(Type::request) && packet[0] != static_cast<Byte>(Type::reply))
    return fail(Errc::malformed);
  return SessionHeader{static_cast<Type>(packet[0]), static_cast<Index>(get(packet.subspan(1, 4))),
                       static_cast<std::uint32_t>(get(packet.subspan(5, 4)))};
}

Bytes Question::encode(std::size_t size) const {
  ensure(body.size() <= first_body_max, "a body that fits");
  Bytes out(std::max(size, question_overhead + body.size()));
  auto to = std::span(out);
  std::copy(asker.bytes.begin(), asker.bytes.end(), to.begin());
  put(to.subspan(32, 8), sent.ms);
  put(to.subspan(40, 1), static_cast<Byte>(service));
  put(to.subspan(41, 2), body.size());
  std::copy(body.begin(), body.end(), to.begin() + question_overhead);
  return out;
}

Result<Question> Question::decode(ByteView payload) {
  if (payload.size() < question_overhead) return fail(Errc::malformed);
  Question out;
  std::copy_n(payload.begin(), 32, out.asker.bytes.begin());
  out.sent.ms = static_cast<std::int64_t>(get(payload.subspan(32, 8)));
  out.service = static_cast<Service>(payload[40]);  // unknown ones are refused above, by status
  auto length = static_cast<std::size_t>(get(payload.subspan(41, 2)));
  if (length > payload.size() - question_overhead) return fail(Errc::malformed);
  out.body = payload.subspan(question_overhead, length);
  return out;
}

std::size_t FirstAnswer::overhead(const io::Endpoint& observed) {
  return 1 + 4 + 1 + observed.ip.view().size() + 2;
}

Bytes FirstAnswer::encode() const {
  Bytes out(overhead(observed));
  auto to = std::span(out);
  auto ip = observed.ip.view();
  put(to.subspan(0, 1), static_cast<Byte>(status));
  put(to.subspan(1, 4), index);
  put(to.subspan(5, 1), ip.size());
  std::copy(ip.begin(), ip.end(), to.begin() + 6);
  put(to.subspan(6 + ip.size(), 2), observed.port);
  append(out, body);
  return out;
}

Result<FirstAnswer> FirstAnswer::decode(ByteView payload) {
  if (payload.size() < 6) return fail(Errc::malformed);
  FirstAnswer out;
  TRY(out.status, status_of(payload[0]));
  out.index = static_cast<Index>(get(payload.subspan(1, 4)));
  std::size_t ip_size = payload[5];
  if (ip_size != 4 && ip_size != 16) return fail(Errc::malformed);
  if (payload.size() < 6 + ip_size + 2) return fail(Errc::malformed);
  out.observed.ip.family = ip_size == 4 ? io::IpAddress::Family::v4 : io::IpAddress::Family::v6;
  std::copy_n(payload.begin() + 6, ip_size, out.observed.ip.bytes.begin());
  out.observed.port = static_cast<std::uint16_t>(get(payload.subspan(6 + ip_size, 2)));
  out.body = payload.subspan(6 + ip_size + 2);
  return out;
}

Bytes SessionRequest::encode() const {
  Bytes out{static_cast<Byte>(service)};
  append(out, body);
  return out;
}

Result<SessionRequest> SessionRequest::decode(ByteView plain) {
  if (plain.empty()) return fail(Errc::malformed);
  auto service = static_cast<Service>(plain[0]);  // unknown ones are refused above, by status
  return SessionRequest{service, plain.subspan(1)};
}

Bytes SessionReply::encode() const {
  Bytes out(overhead);
  out[0] = static_cast<Byte>(status);
  put(std::span(out).subspan(1, 4), counter);
  append(out, body);
  return out;
}

Result<SessionReply> SessionReply::decode(ByteView plain) {
  if (plain.size() < overhead) return fail(Errc::malformed);
  SessionReply out;
  TRY(out.status, status_of(plain[0]));
  out.counter = static_cast<std::uint32_t>(get(plain.subspan(1, 4)));
  out.body = plain.subspan(overhead);
  return out;
}

}  // namespace conclave::oneshot
