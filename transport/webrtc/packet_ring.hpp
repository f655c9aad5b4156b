#pragma once
/// The packets of one source over the last second, so that a lost one can be sent again: once for all receivers.
/// Memory is taken when the ring is made and never again.
#include <optional>

#include "crypto/time.hpp"
#include "transport/webrtc/rtp.hpp"

namespace conclave::webrtc {

class PacketRing {
 public:
  static constexpr Duration age_max{1'000'000};

  struct Stored {
    RtpHeader header;
    ByteView payload;
  };

  /// `capacity` is a power of two: 1024 packets hold a second of 10 Mbit/s, 128 of audio.
  explicit PacketRing(std::size_t capacity = 512) : slots_(capacity), memory_(capacity * payload_max) {}

  void keep(const RtpHeader& header, ByteView payload, TimePoint now) {
    if (payload.empty() || payload.size() > payload_max) return;
    auto index = header.sequence & (slots_.size() - 1);
    slots_[index] = {header, payload.size(), now};
    std::memcpy(memory_.data() + index * payload_max, payload.data(), payload.size());
  }
  std::optional<Stored> find(std::uint16_t sequence, TimePoint now) const {
    auto index = sequence & (slots_.size() - 1);
    auto& slot = slots_[index];
    if (slot.size == 0 || slot.header.sequence != sequence || now - slot.at > age_max) return std::nullopt;
    return Stored{slot.header, ByteView(memory_).subspan(index * payload_max, slot.size)};
  }

 private:
  static constexpr std::size_t payload_max = 1280;
  struct Slot {
    RtpHeader header;
    std::size_t size = 0;
    TimePoint at{};
  };
  std::vector<Slot> slots_;
  Bytes memory_;
};

}  // namespace conclave::webrtc
