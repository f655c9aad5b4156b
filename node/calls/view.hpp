#pragma once
/// What a page and the packet plane tell each other about slots: docs/calls.md, section 4, `watch`, `slots`, `quality`.
#include <optional>
#include <vector>

#include "node/calls/message.hpp"

namespace conclave::calls {

/// One line of a page's `watch`. For audio only `mid` counts: it says that the page has such a slot, and the node
/// chooses who is heard in it.
struct Watched {
  std::uint16_t mid = 0;
  MemberId member;
  MediaKind kind = MediaKind::video;
  std::uint16_t height = 0;  ///< in pixels, as it is shown
};

/// What is being sent into a page's slot from now on; nobody: nothing any more.
struct SlotAssigned {
  std::uint16_t mid = 0;
  std::optional<MemberId> member;
  MediaKind kind = MediaKind::video;
  std::uint32_t ssrc = 0;
  bool operator==(const SlotAssigned&) const = default;
};

/// Why a picture is as small as it is.
enum class Smaller : Byte {
  none,      ///< it is as large as asked for
  downlink,  ///< the way to this page does not take more
  theirs,    ///< its sender does not send more
  uplink,    ///< no forwarder had the uplink, or it does not come through
  hidden     ///< nobody watches it
};
struct Quality {
  struct Picture {
    MemberId member;
    MediaKind kind = MediaKind::video;
    std::uint16_t height = 0;  ///< of what is being sent
    double loss = 0;           ///< as the page reports it
    Smaller why = Smaller::none;
    bool operator==(const Picture&) const = default;
  };
  std::vector<Picture> pictures;
  double downlink_bps = 0;  ///< what we take the way to the page to be
  double uplink_loss = 0;   ///< of what the page sends us
  /// Layers of its camera (bit 0 q, 1 h, 2 f) that somebody watches: the page need not send the others.
  Byte layers_watched = 0;
  /// Earlier audio frames that it should send along with each (0 to 2): its way to us loses some.
  Byte audio_copies = 0;
};

}  // namespace conclave::calls
