#pragma once
/// The smallest conference that members can meet in: entry nodes in one process, which relay statements, parcels and
/// RTP as docs/calls.md says, over a network with delay and loss, in virtual time. No plan, no layers: the node's own
/// room is another thing; this one is here to do what a node could, the worst included.
#include <nlohmann/json_fwd.hpp>

#include "node/calls/invitation.hpp"
#include "node/calls/roster.hpp"
#include "node/member/attendance.hpp"
#include "transport/webrtc/endpoint.hpp"
#include "transport/webrtc/send_stream.hpp"

namespace conclave::member::test {

std::shared_ptr<const Film> make_film(Random& random, std::size_t frames, std::size_t frame_size);
std::shared_ptr<const Song> make_song(Random& random, std::size_t packets);

class Room {
 public:
  static constexpr Duration step{5'000};

  explicit Room(std::size_t entries = 1, std::uint64_t seed = 1);
  ~Room();
  Room(const Room&) = delete;
  Room& operator=(const Room&) = delete;

  struct Guest {
    std::string name;
    io::Endpoint home;
    std::unique_ptr<Attendance> attendance;
    std::map<std::pair<calls::MemberId, e2ee::Kind>, std::vector<Bytes>> seen;
    std::vector<std::pair<TimePoint, Bytes>> outgoing;
  };
  calls::ConferenceLink link() const;
  Guest& join(const std::string& name, Programme programme, std::size_t slots = 12);
  /// The conference's own word.
  void say(calls::Saying saying);
  void remove(const Guest& guest);
  /// This entry neither hears nor says anything more.
  void kill(std::size_t entry);
  void run(Duration span);

  std::vector<std::unique_ptr<Guest>> guests;
  TimePoint now{std::chrono::hours(1)};
  UnixTime wall{1'800'000'000'000};
  std::function<bool()> lost = [] { return false; };
  Duration delay{10'000};
  /// A node that does not care who was removed.
  bool forwards_to_removed = false;
  std::size_t forwarded = 0, repaired = 0;

 private:
  struct Entry;
  struct Session;
  struct Source;
  void hear(Session& session, std::string_view message);
  void add_statements(const nlohmann::json& list, Session& from);
  void rtp(Session& from, const webrtc::RtpPacket& packet);
  void rtcp(Session& from, std::span<const webrtc::Rtcp> messages);
  void forward(Session& from, Source& source, const webrtc::RtpHeader& header, ByteView payload);
  void send_again(Session& to, const webrtc::Nack& nack);
  void tick();
  bool serves(const Session& session);
  static void tell(Session& session, const std::string& json);
  Session* by_member(const calls::MemberId& id);

  ConferenceKeys conference_;
  SigningKeys invite_;
  SeededRandom random_;
  calls::Roster roster_;
  std::vector<std::unique_ptr<Entry>> entries_;
  std::map<std::pair<std::size_t, std::uint32_t>, std::unique_ptr<Session>> sessions_;
  std::map<std::uint32_t, std::unique_ptr<Source>> sources_;  ///< by SSRC
  TimePoint ticked_{};
};

}  // namespace conclave::member::test
