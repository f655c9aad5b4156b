#include "transport/webrtc/rtcp.hpp"

#include "crypto/ensure.hpp"
#include "transport/webrtc/big_endian.hpp"
#include "transport/webrtc/sequence.hpp"
#include "transport/webrtc/transport_feedback.hpp"

namespace conclave::webrtc {
namespace {

namespace type {
constexpr Byte sender_report = 200, receiver_report = 201, description = 202, goodbye = 203, transport = 205,
               payload = 206;
}
constexpr std::size_t block_size = 24;

std::vector<ReportBlock> read_blocks(ByteView body, std::size_t count) {
  std::vector<ReportBlock> out;
  out.reserve(count);
  for (; count > 0; --count, body = body.subspan(block_size)) {
    auto* at = body.data();
    auto lost = static_cast<std::int32_t>(be24(at + 5) << 8) >> 8;  // sign-extends 24 bits
    out.push_back({be32(at), at[4], lost, be32(at + 8), be32(at + 12), be32(at + 16), be32(at + 20)});
  }
  return out;
}

Result<std::optional<Rtcp>> read_report(Byte kind, std::size_t count, ByteView body) {
  std::size_t head = kind == type::sender_report ? 24 : 4;
  if (body.size() < head + count * block_size) return fail(Errc::malformed);
  auto blocks = read_blocks(body.subspan(head), count);
  auto* at = body.data();
  if (kind == type::receiver_report) return Rtcp(ReceiverReport{be32(at), std::move(blocks)});
  return Rtcp(SenderReport{be32(at), NtpTime{be64(at + 4)}, be32(at + 12), be32(at + 16), be32(at + 20),
                           std::move(blocks)});
}

/// The CNAME of the first chunk; browsers send one chunk.
Result<std::optional<Rtcp>> read_description(std::size_t count, ByteView body) {
  if (count == 0) return std::optional<Rtcp>();
  if (body.size() < 4) return fail(Errc::malformed);
  SourceDescription out{be32(body.data()), {}};
  for (auto rest = body.subspan(4); !rest.empty() && rest[0] != 0;) {
    if (rest.size() < 2 || rest.size() < std::size_t{2} + rest[1]) return fail(Errc::malformed);
    if (rest[0] == 1) out.cname = text(rest.subspan(2, rest[1]));
    rest = rest.subspan(std::size_t{2} + rest[1]);
  }
  return Rtcp(std::move(out));
}

Nack read_nack(ByteView body) {
  Nack out{be32(body.data()), be32(body.data() + 4), {}};
  for (auto rest = body.subspan(8); rest.size() >= 4; rest = rest.subspan(4)) {
    auto first = be16(rest.data()), mask = be16(rest.data() + 2);
    out.lost.push_back(first);
    for (unsigned bit = 0; bit < 16; ++bit) {
      if (mask >> bit & 1) out.lost.push_back(static_cast<std::uint16_t>(first + bit + 1));
    }
  }
  return out;
}

Result<std::optional<Rtcp>> read_feedback(Byte kind, std::size_t format, ByteView body) {
  if (body.size() < 8) return fail(Errc::malformed);
  auto sender = be32(body.data()), media = be32(body.data() + 4);
  if (kind == type::transport && format == 1) return Rtcp(read_nack(body));
  if (kind == type::transport && format == 15) {
    TRY(auto feedback, read_transport_feedback(body));
    return Rtcp(std::move(feedback));
  }
  if (kind == type::payload && format == 1) return Rtcp(PictureLoss{sender, media});
  if (kind == type::payload && format == 4) {
    if (body.size() < 16) return fail(Errc::malformed);
    return Rtcp(FullIntraRequest{sender, be32(body.data() + 8), body[12]});
  }
  return std::optional<Rtcp>();
}

Result<std::optional<Rtcp>> read_message(Byte kind, std::size_t count, ByteView body) {
  switch (kind) {
    case type::sender_report:
    case type::receiver_report: return read_report(kind, count, body);
    case type::description: return read_description(count, body);
    case type::goodbye: {
      if (body.size() < count * 4) return fail(Errc::malformed);
      Goodbye out;
      for (std::size_t i = 0; i < count; ++i) out.ssrcs.push_back(be32(body.data() + 4 * i));
      return Rtcp(std::move(out));
    }
    case type::transport:
    case type::payload: return read_feedback(kind, count, body);
    default: return std::optional<Rtcp>();
  }
}

void write_blocks(const std::vector<ReportBlock>& blocks, Bytes& to) {
  for (auto& block : blocks) {
    append32(to, block.ssrc);
    append32(to, static_cast<std::uint32_t>(block.fraction_lost) << 24 |
                     (static_cast<std::uint32_t>(block.lost) & 0xffffff));
    for (auto field : {block.highest_sequence, block.jitter, block.last_report, block.delay}) append32(to, field);
  }
}

/// The first 5 bits' worth, the type and the body of each message.
struct Writer {
  Bytes& to;

  std::pair<std::size_t, Byte> operator()(const SenderReport& report) {
    append32(to, report.ssrc);
    append32(to, report.ntp.value >> 32);
    append32(to, report.ntp.value);
    for (auto field : {report.timestamp, report.packets, report.octets}) append32(to, field);
    write_blocks(report.blocks, to);
    return {report.blocks.size(), type::sender_report};
  }
  std::pair<std::size_t, Byte> operator()(const ReceiverReport& report) {
    append32(to, report.ssrc);
    write_blocks(report.blocks, to);
    return {report.blocks.size(), type::receiver_report};
  }
  std::pair<std::size_t, Byte> operator()(const SourceDescription& description) {
    ensure(description.cname.size() <= 255, "a CNAME fits");
    append32(to, description.ssrc);
    to.push_back(1);
    to.push_back(static_cast<Byte>(description.cname.size()));
    append(to, view(description.cname));
    do to.push_back(0);
    while (to.size() % 4 != 0);
    return {1, type::description};
  }
  std::pair<std::size_t, Byte> operator()(const Goodbye& goodbye) {
    for (auto ssrc : goodbye.ssrcs) append32(to, ssrc);
    return {goodbye.ssrcs.size(), type::goodbye};
  }
  std::pair<std::size_t, Byte> operator()(const Nack& nack) {
    append32(to, nack.sender);
    append32(to, nack.media);
    for (std::size_t i = 0; i < nack.lost.size();) {
      auto first = nack.lost[i++];
      std::uint16_t mask = 0;
      for (; i < nack.lost.size(); ++i) {
        auto step = static_cast<std::uint16_t>(nack.lost[i] - first);
        if (step == 0 || step > 16) break;
        mask = static_cast<std::uint16_t>(mask | 1U << (step - 1));
      }
      append16(to, first);
      append16(to, mask);
    }
    return {1, type::transport};
  }
  std::pair<std::size_t, Byte> operator()(const PictureLoss& loss) {
    append32(to, loss.sender);
    append32(to, loss.media);
    return {1, type::payload};
  }
  std::pair<std::size_t, Byte> operator()(const FullIntraRequest& request) {
    append32(to, request.sender);
    append32(to, 0);
    append32(to, request.media);
    append32(to, std::uint32_t{request.number} << 24);
    return {4, type::payload};
  }
  std::pair<std::size_t, Byte> operator()(const TransportFeedback& feedback) {
    write_transport_feedback(feedback, to);
    return {15, type::transport};
  }
};

}  // namespace

NtpTime NtpTime::from(UnixTime wall) {
  constexpr std::uint64_t from_1900_to_1970 = 2'208'988'800;
  auto ms = static_cast<std::uint64_t>(wall.ms);
  return {(ms / 1000 + from_1900_to_1970) << 32 | ((ms % 1000) << 32) / 1000};
}

Result<std::vector<Rtcp>> decode_rtcp(ByteView compound) {
  if (compound.size() > 1500) return fail(Errc::too_long);
  std::vector<Rtcp> out;
  while (!compound.empty()) {
    if (compound.size() < 4 || compound[0] >> 6 != 2) return fail(Errc::malformed);
    std::size_t size = 4 + std::size_t{4} * be16(compound.data() + 2);
    if (size > compound.size()) return fail(Errc::malformed);
    auto body = compound.subspan(4, size - 4);
    if (compound[0] & 0x20) {
      if (body.empty() || body.back() == 0 || body.back() > body.size()) return fail(Errc::malformed);
      body = body.first(body.size() - body.back());
    }
    TRY(auto message, read_message(compound[1], compound[0] & 0x1f, body));
    if (message) out.push_back(std::move(*message));
    compound = compound.subspan(size);
  }
  return out;
}

void encode_rtcp(const Rtcp& message, Bytes& to) {
  auto begin = to.size();
  ensure(begin % 4 == 0, "RTCP messages are whole words");
  append32(to, 0);
  auto [count, kind] = std::visit(Writer{to}, message);
  ensure(count < 32, "an RTCP list fits its count");
  to[begin] = static_cast<Byte>(0x80 | count);
  to[begin + 1] = kind;
  put16(to.data() + begin + 2, (to.size() - begin) / 4 - 1);
}

}  // namespace conclave::webrtc
