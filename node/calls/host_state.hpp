#pragma once
/// The inside of a host, for host*.cpp.
#include "node/calls/host.hpp"
#include "node/calls/keeping.hpp"
#include "transport/io/mailbox.hpp"

namespace conclave::calls {

struct Host::Hosted {
  Hosted(const ConferenceKey& conference, const NodeKey& self, LiveRoomOwner& owner, webrtc::Endpoint& endpoint,
         io::Clock& clock, Random& random)
      : live(conference, self, owner, endpoint, clock, random) {}
  LiveRoom live;
  std::string name;
  std::optional<Secret<32>> seed;
  std::vector<Secret<32>> invites;
  std::optional<Secret<32>> came_by;  ///< the invite of a ring: certifies our pages where we are no admin
  bool lasting = true;                ///< kept across restarts
  std::set<NodeKey> wanted;
  std::map<NodeKey, std::vector<address::PeerAddress>> places;  ///< from meeting-point entries; bounded by the roster's
  std::set<NodeKey> dialling;
  bool kept = false;           ///< `keep_room` runs
  bool statements_kept = true;  ///< what the database has is what the roster has
  std::optional<TimePoint> published;
  TimePoint search_at{};
  Duration search_pause{};
};

/// One control stream. Messages wait here for the network; a peer that does not read is let go.
struct Host::Control {
  static constexpr std::size_t letters_max = 1024;
  Control(std::uint32_t the_number, ConferenceKey the_conference, std::shared_ptr<io::Connection> the_connection,
          std::unique_ptr<io::Stream> the_stream, boost::asio::any_io_executor executor, io::Clock& clock)
      : number(the_number),
        conference(the_conference),
        connection(std::move(the_connection)),
        stream(std::move(the_stream)),
        mail(std::move(executor), clock, letters_max) {}
  std::uint32_t number;
  ConferenceKey conference;
  std::shared_ptr<io::Connection> connection;
  std::unique_ptr<io::Stream> stream;
  io::Mailbox<Bytes> mail;
};

}  // namespace conclave::calls
