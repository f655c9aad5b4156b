#pragma once
/// One stream at this node, whether one of our pages sends it or another node: its last second, once for all who
/// get it, what is missing of it, and who gets it.
///
/// Sequences are 32 bits and never wrap in practice; a step of more than `restart_step` means that the sender has
/// started anew (a page that was reloaded, another camera), and whoever shows the stream needs a key frame.
#include <array>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "crypto/strong.hpp"
#include "node/calls/media_packet.hpp"
#include "node/calls/message.hpp"
#include "transport/webrtc/key_frame_request.hpp"
#include "transport/webrtc/receive_stream.hpp"

namespace conclave::calls {

class Page;
class PageSlot;

/// Our number of a link, which its datagrams carry in bytes 1 to 3 (`media_link_of`).
using LinkId = Strong<struct LinkIdTag, std::uint32_t>;

struct StreamName {
  MemberId member;
  MediaKind kind = MediaKind::audio;
  Byte layer = 0;
  std::uint32_t number() const { return stream_number(member, kind, layer); }
};

class Feed {
 public:
  static constexpr std::uint32_t restart_step = 2048;
  static constexpr Duration age_max{1'000'000};
  /// A layer that its sender has given up (its own estimate fell) is gone after this.
  static constexpr Duration silence_max{1'500'000};
  /// Who was asked for a layer gets this long to send it (a page starts an encoder, a tree is planned); after that
  /// it is left alone for a while.
  static constexpr Duration patience{2'500'000}, shunned{8'000'000};
  static constexpr Duration reorder{2'000};   ///< before a gap counts as a loss worth asking for
  static constexpr Duration patience_more{10'000};  ///< beyond the round trip, twice as long with each question
  static constexpr std::size_t missing_max = 256;
  static constexpr int asks_max = 5;     ///< each waits twice as long as the one before it, and a round trip
  static constexpr std::size_t payload_max = 1280;

  struct Child {
    LinkId link;
    Byte part = 0, parts = 1;
  };
  struct Watcher {
    Page* page;
    PageSlot* slot;
  };

  /// `generation` tells it from an earlier feed of the same name.
  Feed(const StreamName& name, bool local, std::uint32_t generation)
      : name_(name), local_(local), capacity_(name.kind == MediaKind::audio ? 128 : 1024), generation_(generation) {}

  /// False for what we have already, or what is too old or too long to keep.
  bool keep(const MediaUnit& unit, TimePoint now);
  std::optional<MediaUnit> find(std::uint32_t sequence, TimePoint now) const;
  /// By the lower half of a sequence, the nearest to the newest one.
  std::optional<MediaUnit> find_low(std::uint16_t sequence, TimePoint now) const;
  std::optional<std::uint32_t> newest() const { return newest_; }
  /// The sequence at which the newest key frame starts, if it and everything since is still here: who joins now
  /// gets it from there and nobody has to make a new one.
  struct Run {
    std::uint32_t first;
    TimePoint at;
  };
  std::optional<Run> key_run(TimePoint now) const;

  /// In how many parts it comes, and by which link each came last: gaps are judged part by part.
  void set_parts(Byte parts);
  void came_by(Byte part, LinkId link, TimePoint now);
  struct Gap {
    LinkId link;
    Byte part;
    std::vector<std::uint32_t> sequences;
  };
  /// What to ask for at `now`, by the link that owes it. What does not come in the end costs a key frame, unless the
  /// picture goes on without it.
  std::vector<Gap> gaps(TimePoint now, const std::function<Duration(LinkId)>& rtt);
  /// When the next question is due.
  TimePoint gaps_deadline() const;
  /// The same for what the page that sends it does not repeat.
  void given_up(std::uint32_t sequence);

  const StreamName& name() const { return name_; }
  std::uint32_t number() const { return name_.number(); }
  bool local() const { return local_; }
  std::uint32_t generation() const { return generation_; }
  bool alive(TimePoint now) const { return arrival_ && now - *arrival_ <= silence_max; }
  std::optional<TimePoint> last_arrival() const { return arrival_; }
  std::uint64_t repaired() const { return repaired_; }
  /// Bits per second over the last second or so; of a silent one what it had, or what another node says.
  std::uint32_t rate(TimePoint now);
  /// The median of the last half seconds: a key frame in one or two of them is not what the stream needs from a line.
  std::uint32_t usual_rate(TimePoint now);

  /// Whether it may be asked for: it has been heard or told of, and asking has not been in vain lately. A page need
  /// not send a layer that nobody wants, so that silence alone says nothing.
  bool available(TimePoint now) const {
    return (local_ ? arrival_.has_value() : told) && now >= shunned_until_;
  }
  /// To be told now and then whether somebody wants it.
  void want(bool wanted, TimePoint now);
  bool wanted() const { return wanted_since_.has_value(); }

  std::uint16_t width = 0, height = 0;  ///< of the last key frame, or as another node says
  bool told = false;                    ///< another node says that it has it …
  std::uint32_t told_bps = 0;           ///< … and at what rate
  Byte level = 127;                     ///< newest audio level
  std::optional<webrtc::ReceiveStream::Mapping> mapping;
  webrtc::KeyFrameRequest key_frame;
  std::vector<Child> children;
  std::vector<Watcher> watchers;

 private:
  struct Slot {
    bool used = false;
    TimePoint at{};
    MediaUnit unit;  ///< payload: see `memory_`
    std::uint16_t size = 0;
  };
  struct Missing {
    TimePoint ask_at, since;
    int asked = 0;
  };
  struct Part {
    std::optional<std::uint32_t> newest;
  };
  void measure(TimePoint now);
  void note_gap(const MediaUnit& unit, TimePoint now);
  bool can_do_without(std::uint32_t sequence) const;
  /// Whatever its age.
  std::optional<MediaUnit> kept(std::uint32_t sequence) const;
  std::size_t index(std::uint32_t sequence) const { return sequence & (capacity_ - 1); }

  StreamName name_;
  bool local_;
  std::size_t capacity_;  ///< a power of two
  std::uint32_t generation_;
  std::vector<Slot> slots_;
  Bytes memory_;
  std::optional<std::uint32_t> newest_, key_;
  std::uint32_t first_ = 0;
  TimePoint key_at_{};
  std::optional<TimePoint> arrival_;
  Byte parts_ = 1;
  std::array<Part, parts_max> by_part_{};
  std::array<LinkId, parts_max> came_by_{};
  std::map<std::uint32_t, Missing> missing_;
  std::uint64_t repaired_ = 0, rate_bytes_ = 0;
  TimePoint rate_since_{};
  std::uint32_t rate_ = 0;
  std::array<std::uint32_t, 5> windows_{};  ///< the last ones' rates
  std::size_t windows_seen_ = 0;
  static constexpr Duration rate_window{500'000};
  std::optional<TimePoint> wanted_since_;
  TimePoint shunned_until_{};
};

using Feeds = std::unordered_map<std::uint32_t, std::unique_ptr<Feed>>;
inline Feed* find(const Feeds& feeds, std::uint32_t stream) {
  auto found = feeds.find(stream);
  return found == feeds.end() ? nullptr : found->second.get();
}

}  // namespace conclave::calls
