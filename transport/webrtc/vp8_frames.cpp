#include "transport/webrtc/vp8_frames.hpp"

#include "transport/webrtc/big_endian.hpp"

namespace conclave::webrtc {
namespace {

constexpr std::size_t descriptor_size = 6;
constexpr Byte extended = 0x80, start_of_partition = 0x10;
constexpr Byte has_picture_tl0_layer = 0x80 | 0x40 | 0x20;

}  // namespace

std::vector<Bytes> Vp8Packetizer::packets(ByteView frame) {
  std::vector<Bytes> out;
  picture_ = (picture_ + 1) & 0x7fff;
  ++tl0_;
  // Equal pieces rather than full ones and a rest: a tiny last packet costs as much as a full one.
  constexpr auto room = payload_max - descriptor_size;
  auto count = std::max<std::size_t>(1, (frame.size() + room - 1) / room);
  for (std::size_t i = 0; i < count; ++i) {
    auto from = frame.size() * i / count, to = frame.size() * (i + 1) / count;
    Bytes packet{static_cast<Byte>(extended | (i == 0 ? start_of_partition : 0)), has_picture_tl0_layer};
    append16(packet, 0x8000U | picture_);
    packet.push_back(tl0_);
    packet.push_back(0);  // temporal layer 0 of one
    append(packet, frame.subspan(from, to - from));
    out.push_back(std::move(packet));
  }
  return out;
}

void Vp8Assembler::hear(const RtpHeader& header, ByteView payload, TimePoint now) {
  auto at = unwrapper_.unwrap(header.sequence);
  if (next_ && at < *next_) {
    // A sender that starts anew far below is followed; what is a little late has been skipped.
    if (*next_ - at < 3000) return;
    packets_.clear();
    next_.reset();
    broken_ = true;
  }
  Packet packet{.marker = header.marker, .timestamp = header.timestamp, .bytes = {}, .arrival = now};
  if (auto descriptor = decode_vp8(payload); descriptor && payload.size() > descriptor->size) {
    packet.start = descriptor->start;
    packet.key_frame = descriptor->key_frame;
    packet.bytes = copy(payload.subspan(descriptor->size));
  }
  packets_.emplace(at, std::move(packet));
  while (packets_.size() > packets_max) {
    packets_.erase(packets_.begin());
    broken_ = true;
  }
}

std::optional<std::int64_t> Vp8Assembler::whole(std::int64_t first) const {
  auto found = packets_.find(first);
  if (found == packets_.end() || !found->second.start) return std::nullopt;
  auto at = first;
  std::size_t size = 0;
  for (auto it = found; it != packets_.end() && it->first == at; ++it, ++at) {
    if (at != first && (it->second.start || it->second.timestamp != found->second.timestamp)) return std::nullopt;
    size += it->second.bytes.size();
    if (size > frame_max) return std::nullopt;
    if (it->second.marker) return at + 1;
  }
  return std::nullopt;
}

/// The newest whole key frame is where decoding goes on; packets before it are dropped.
bool Vp8Assembler::skip_to_key_frame() {
  for (auto at = packets_.rbegin(); at != packets_.rend(); ++at) {
    if (!at->second.start || !at->second.key_frame || !whole(at->first)) continue;
    next_ = at->first;
    skipped_ += static_cast<std::uint64_t>(std::distance(packets_.begin(), packets_.find(*next_)));
    packets_.erase(packets_.begin(), packets_.find(*next_));
    broken_ = false;
    return true;
  }
  return false;
}

std::vector<Vp8Assembler::Frame> Vp8Assembler::take(TimePoint now) {
  std::vector<Frame> out;
  for (;;) {
    if (broken_ && !skip_to_key_frame()) break;
    // Padding stands between frames and closes no gap by itself.
    while (!packets_.empty() && packets_.begin()->first == *next_ && packets_.begin()->second.bytes.empty()) {
      packets_.erase(packets_.begin());
      ++*next_;
    }
    if (auto end = whole(*next_)) {
      Frame frame{{}, packets_.at(*next_).timestamp, packets_.at(*next_).key_frame};
      for (auto at = *next_; at < *end; ++at) append(frame.bytes, packets_.at(at).bytes);
      packets_.erase(packets_.begin(), packets_.lower_bound(*end));
      next_ = *end;
      out.push_back(std::move(frame));
      continue;
    }
    if (packets_.empty() || now - packets_.begin()->second.arrival < patience) break;
    broken_ = true;
    if (!skip_to_key_frame()) break;
  }
  return out;
}

}  // namespace conclave::webrtc
