#pragma once
/// Being in a conference without a browser: finds a way in by a link, keeps it, sends, receives. When the entry node
/// goes, all entries are raced again, with the same call keys: nobody else notices more than a short silence. The page
/// has the same in web/src/conference/session.ts.
///
/// Sans-IO: datagrams and time in, datagrams through the sink, frames in clear to whoever records.
#include "node/calls/invitation.hpp"
#include "node/member/publisher.hpp"
#include "node/member/receiver.hpp"
#include "node/member/signal.hpp"

namespace conclave::member {

struct AttendanceOptions {
  std::string name = "member";
  std::size_t slots = 6;       ///< pictures that it watches at once
  std::uint16_t height = 720;  ///< of each, in pixels
};

class Attendance {
 public:
  enum class State : Byte { connecting, connected, waiting, reconnecting, refused, left };
  /// The next entry is tried when the one before has not answered for this long (RFC 8305).
  static constexpr Duration race_delay{400'000};
  static constexpr Duration farewell{300'000};  ///< for the last words to leave
  static constexpr Duration service_every{20'000};
  static constexpr std::size_t slots_max = 56;   ///< pictures; a node takes 64 slots in all
  static constexpr std::size_t sound_slots = 6;

  struct Counters {
    std::uint64_t connects = 0, lost = 0, signals_refused = 0, signals_dropped = 0;
    std::optional<Duration> connected_after, admitted_after, first_frame_after, first_sound_after;
    Duration longest_gap{0};  ///< from losing a way in to being in again
  };
  using Sink = std::function<void(const io::Endpoint& to, ByteView datagram)>;

  Attendance(calls::ConferenceLink link, Programme programme, AttendanceOptions options, Random& random, Sink sink,
             Receiver::Sink frames, UnixTime wall, TimePoint now);
  ~Attendance();

  void receive(const io::Endpoint& from, ByteView datagram, UnixTime wall, TimePoint now);
  void advance(UnixTime wall, TimePoint now);
  TimePoint deadline() const;
  /// Says so to everyone; `state()` is `left` once that has gone out.
  void leave(UnixTime wall, TimePoint now);

  State state() const { return state_; }
  const std::string& refusal() const { return refusal_; }
  const Circle& circle() const { return circle_; }
  const Counters& counters() const { return counters_; }
  const Receiver::Counters& received() const { return receiver_.counters(); }
  const Publisher::Counters& published() const { return publisher_.counters(); }
  /// The entry in use.
  std::optional<io::Endpoint> entry() const;

 private:
  struct Way;
  void race(TimePoint now);
  void open(const calls::EntryNode& entry, UnixTime wall, TimePoint now);
  void won(Way& way);
  void lost(Way& way);
  void sweep(TimePoint now);
  void hear(std::string_view message);
  void hear_statements(const NewStatements& news);
  void say(const std::string& json);
  void send_parcels();
  void watch();
  void service();
  std::uint8_t flags() const;

  calls::ConferenceLink link_;
  std::optional<SigningKeys> invite_;
  AttendanceOptions options_;
  bool has_film_, has_song_;
  Random& random_;
  Sink sink_;
  webrtc::Certificate certificate_;
  std::unique_ptr<webrtc::DtlsContext> dtls_;
  Circle circle_;
  Receiver receiver_;
  Publisher publisher_;
  std::vector<std::unique_ptr<Way>> ways_;
  Way* way_ = nullptr;  ///< the one in use
  std::deque<std::pair<TimePoint, calls::EntryNode>> to_try_;
  Parts parts_;
  std::map<std::uint16_t, calls::MemberId> watched_;
  bool told_ = false;  ///< the node knows our slots
  State state_ = State::connecting;
  std::string refusal_;
  std::size_t attempts_ = 0;
  UnixTime wall_;
  TimePoint now_, begun_, service_at_;
  std::optional<TimePoint> lost_at_, leave_at_;
  Counters counters_;
};

}  // namespace conclave::member
