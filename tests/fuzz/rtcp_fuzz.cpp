/// Compound RTCP: what decodes is written again, reads the same, and is heard by those who act on it.
#include "crypto/ensure.hpp"
#include "transport/webrtc/bandwidth_estimator.hpp"
#include "transport/webrtc/receive_stream.hpp"

using namespace conclave;
using namespace conclave::webrtc;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  auto messages = decode_rtcp({data, size});
  if (!messages) return 0;
  TransportCcSender sender;
  TimePoint now{std::chrono::hours(1)};
  for (int i = 0; i < 300; ++i) (void)sender.send(1000, now += Duration(1'000), static_cast<std::uint32_t>(i % 3));
  BandwidthEstimator estimator;
  ReceiveStream stream(1, 90000, true);
  for (auto& message : *messages) {
    Bytes wire;
    encode_rtcp(message, wire);
    if (wire.size() <= 1500) {
      auto again = decode_rtcp(wire);
      ensure(again && again->size() == 1, "what we write, we read");
      // A NACK may name a number twice or out of order; written again it says the same in fewer words.
      if (!std::holds_alternative<Nack>(message)) ensure(again->front() == message, "and it is the same");
    }
    if (auto* feedback = std::get_if<TransportFeedback>(&message)) {
      estimator.hear(sender.hear(*feedback), now += Duration(50'000));
      ensure(estimator.target() >= 60'000 && estimator.target() <= 50'000'000, "an estimate has bounds");
    }
    if (auto* report = std::get_if<SenderReport>(&message)) stream.hear(*report, now);
  }
  return 0;
}
