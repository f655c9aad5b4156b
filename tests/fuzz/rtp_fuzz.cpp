/// RTP packets in clear, and what is kept of a stream of them.
#include "crypto/ensure.hpp"
#include "transport/webrtc/receive_stream.hpp"
#include "transport/webrtc/rewriter.hpp"
#include "transport/webrtc/source_table.hpp"
#include "transport/webrtc/vp8.hpp"

using namespace conclave;
using namespace conclave::webrtc;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ByteView rest(data, size);
  SourceTable table;
  ReceiveStream stream(1, 90000, true);
  Rewriter rewriter(90000, 1, 1, {1, 1});
  const ExtensionIds ids{1, 2, 3, 4, 5, 6};
  TimePoint now{};
  // A chain of packets: each with its length in one byte (times eight).
  while (rest.size() > 1) {
    auto length = std::min<std::size_t>(std::size_t{rest[0]} * 8 + 12, rest.size() - 1);
    auto packet = decode_rtp(rest.subspan(1, length));
    rest = rest.subspan(1 + length);
    now += Duration(7'000);
    if (!packet) continue;
    auto extensions = packet->extensions(ids);
    ensure(packet->payload.size() + packet->header_size <= packet->size, "a payload lies in its packet");
    (void)table.hear(packet->header, extensions, packet->header.marker);
    auto verdict = stream.hear(packet->header, packet->size, now);
    if (verdict == ReceiveStream::Verdict::fresh && packet->payload.size() % 7 == 0) {
      rewriter.switch_source(packet->header, {}, stream.mapping(), now);
    }
    if (packet->payload.size() % 5 == 0) rewriter.leave_out(packet->header, true);
    (void)rewriter.place(packet->header, {}, now);
    ensure(stream.nack(now, Duration(20'000)).size() <= ReceiveStream::missing_max, "what is asked for has bounds");
    (void)stream.report(now);
    (void)unwrap_rtx(packet->payload);
    Bytes again(rtp_header_room);
    (void)write_rtp_header(again, packet->header, extensions, ids);
  }
  return 0;
}
