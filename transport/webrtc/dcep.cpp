#include "transport/webrtc/dcep.hpp"

#include "crypto/ensure.hpp"
#include "transport/webrtc/big_endian.hpp"

namespace conclave::webrtc {

Result<ChannelOpen> decode_channel_open(ByteView message) {
  if (message.empty()) return fail(Errc::malformed);
  if (message[0] != 3) return fail(Errc::unexpected_type);
  if (message.size() < 12) return fail(Errc::malformed);
  std::size_t label = be16(message.data() + 8), protocol = be16(message.data() + 10);
  if (label > ChannelOpen::name_max || protocol > ChannelOpen::name_max) return fail(Errc::too_long);
  if (message.size() != 12 + label + protocol) return fail(Errc::malformed);
  return ChannelOpen{message[1], be16(message.data() + 2), be32(message.data() + 4),
                     std::string(text(message.subspan(12, label))),
                     std::string(text(message.subspan(12 + label)))};
}

Bytes encode(const ChannelOpen& open) {
  ensure(open.label.size() <= ChannelOpen::name_max && open.protocol.size() <= ChannelOpen::name_max,
         "a channel's names fit");
  Bytes out{3, open.type};
  append16(out, open.priority);
  append32(out, open.reliability);
  append16(out, open.label.size());
  append16(out, open.protocol.size());
  append(out, view(open.label));
  append(out, view(open.protocol));
  return out;
}

}  // namespace conclave::webrtc
