#pragma once
/// One connection as the network sees it: the QUIC library's state, the Noise handshake that gives it keys,
/// streams and datagrams. Internal to quic; others hold a quic::Connection.
///
/// Everything runs on the node's thread. The library's callbacks only take notes: what they lead to (events,
/// close, the accept handler) happens after the library has returned, because it must not be called from
/// within.
#include "transport/quic/stream.hpp"
#include "transport/quic/switchboard.hpp"

#include <boost/container/deque.hpp>  // std::deque allocates also where it stays empty
#include <ngtcp2/ngtcp2.h>

namespace conclave::quic {

class Session : public std::enable_shared_from_this<Session> {
  struct Private {};

 public:
  static std::shared_ptr<Session> dial(std::shared_ptr<Switchboard> board, const io::Endpoint& to,
                                       const NodeKey& peer, Initiator initiator);
  /// Null where the library refuses what the peer's transport parameters say.
  static std::shared_ptr<Session> accept(std::shared_ptr<Switchboard> board, Gate::Opening opening,
                                         const io::Packet& first, TimePoint now);
  Session(Private, std::shared_ptr<Switchboard> board, bool dialled, const NodeKey& peer);
  ~Session();

  // The network's side.
  void receive(const io::Packet& packet, TimePoint now);
  /// Sends what may be sent now, and arms the timer for the rest.
  void flush();
  void flush_soon();

  // The user's side.
  bool established() const { return established_; }
  bool confirmed() const { return confirmed_; }
  bool ended() const { return ended_; }
  Error why_ended() const { return why_; }
  bool dialled() const { return dialled_; }
  const NodeKey& peer() const { return peer_; }
  io::Endpoint remote() const { return remote_; }
  Suite suite() const { return suite_; }
  const Bytes& peer_certificate() const { return peer_certificate_; }
  TimePoint now() const { return board_->clock.now(); }
  boost::asio::any_io_executor executor() const { return board_->executor; }
  Duration smoothed_rtt() const;
  std::size_t datagram_max() const;
  std::size_t packet_max() const;
  Result<Secret<32>> export_secret(std::string_view label) const;
  Result<> update_keys();
  Result<> migrate();
  /// Says goodbye if there is anybody to say it to; idempotent.
  void close(Error why = make_error_code(Errc::closed));

  boost::asio::awaitable<Result<std::shared_ptr<StreamState>>> open_stream(std::string protocol);
  boost::asio::awaitable<Result<std::pair<std::string, std::shared_ptr<StreamState>>>> accept_stream();
  bool send_datagram(ByteView bytes);
  boost::asio::awaitable<Result<Bytes>> receive_datagram();
  /// Until one of: established, confirmed, ended; or the deadline. Any number may wait.
  enum class Milestone : Byte { established, confirmed, ended };
  boost::asio::awaitable<bool> reach(Milestone milestone, TimePoint deadline);

  void want_to_send(StreamState& stream);
  /// Bytes that `stream` may take over now without holding more than a sensible send window.
  std::size_t room(const StreamState& stream) const;
  void credit(StreamState& stream, std::size_t bytes);
  void reset(StreamState& stream);
  /// The handle has gone: what it did not close is reset.
  void abandon(StreamState& stream);

 private:
  friend struct Callbacks;

  /// The library counts nanoseconds, and its clock must not go back.
  ngtcp2_tstamp stamp_at(TimePoint time);
  static TimePoint time_of(ngtcp2_tstamp stamp);
  ngtcp2_settings library_settings(TimePoint now);
  ngtcp2_transport_params transport_parameters() const;
  static std::shared_ptr<Session> make(std::shared_ptr<Switchboard> board, bool dialled, const NodeKey& peer);
  void adopt();

  // session_handshake.cpp
  bool admissible(ByteView datagram);
  bool admissible_initial(const LongHeader& header, ByteView packet);
  void use_initial_keys(const Cid& original);
  int install_handshake_keys();
  int install_application_keys(const Secrets& secrets);
  Bytes encoded_parameters() const;
  int start_initiator();
  int hear_crypto(ngtcp2_crypto_level level, ByteView bytes);
  int hear_message1();
  int hear_hello();
  void hear_retry(const Cid& cid);
  void complete(const Secret<32>& exporter);

  // session_send.cpp
  ngtcp2_ssize write_packet(Byte* into, ngtcp2_path* path, ngtcp2_pkt_info* info, ngtcp2_tstamp at);
  ngtcp2_ssize write_from_stream(Byte* into, ngtcp2_path* path, ngtcp2_pkt_info* info, ngtcp2_tstamp at,
                                 bool& again);
  bool send_batch(ByteView bytes, std::size_t segment, const ngtcp2_path& path);
  void arm();
  void on_alarm();
  void watch_window(TimePoint now);

  // session.cpp
  void after_library(int status, TimePoint now);
  void say_goodbye(const ngtcp2_connection_close_error& reason, TimePoint now);
  void end(Error why);
  void linger();
  void uncount_handshake();
  void wake();
  std::shared_ptr<StreamState> add_stream(std::int64_t id);
  void hear_stream(StreamState& stream, ByteView bytes, bool fin);

  std::shared_ptr<Switchboard> board_;
  ngtcp2_conn* library_ = nullptr;
  const bool dialled_;
  const NodeKey peer_;
  io::Endpoint remote_;

  // Handshake.
  std::optional<Initiator> initiator_;
  std::optional<Responder> responder_;
  std::optional<InitialProtection> initial_;
  bool first_passed_ = false;  ///< the first packet of all, which the gate has checked
  Bytes message_;              ///< theirs: 1 or 2
  Bytes hello_;                ///< as far as it has come
  std::uint64_t initials_sent_ = 0;
  Secret<32> exporter_;
  Suite suite_ = Suite::chacha20_poly1305;
  Bytes peer_certificate_;
  bool established_ = false;
  bool confirmed_ = false;
  bool counted_ = false;  ///< among the board's open handshakes
  bool announced_ = false;

  // Routing.
  io::IpAddress accepted_network_;
  std::vector<Cid> cids_;
  std::vector<std::pair<Cid, ResetToken>> resets_;
  std::uint16_t path_number_ = 1;  ///< stands for our local address, which the system chooses
  TimePoint last_path_change_{};
  struct Path {
    io::Endpoint local, remote;
    bool operator==(const Path&) const = default;
  };
  struct FormerPath {
    Path path;
    std::optional<TimePoint> until;  ///< none before the validation of its successor is decided
  };
  bool flaps(const Path& path) const;
  void on_validated(bool good);
  void follow_path(TimePoint time);
  void forget_former_paths(TimePoint time);
  Path path_;                              ///< of a responder: the current one, as the library says
  bool fell_back_ = false;                ///< since we last looked which path is current
  std::vector<FormerPath> former_paths_;  ///< those before it, while one that follows may still be validated

  // Streams and datagrams.
  ReceiveWindow window_;  ///< of all streams together
  std::map<std::int64_t, std::shared_ptr<StreamState>> streams_;
  boost::container::deque<StreamState*> line_;  ///< with something to send
  boost::container::deque<std::pair<std::string, std::shared_ptr<StreamState>>> incoming_;
  io::Event incoming_event_, datagram_event_;
  Bytes datagram_bytes_;
  std::vector<std::uint16_t> datagram_sizes_;
  std::size_t datagrams_sent_ = 0, datagram_bytes_sent_ = 0;
  boost::container::deque<Bytes> datagrams_;
  std::vector<std::shared_ptr<io::Event>> waiting_;  ///< for a milestone, or for leave to open a stream

  // Sending and time.
  static constexpr std::size_t packet_least = NGTCP2_MAX_UDP_PAYLOAD_SIZE, packet_most = 1500;
  /// The library looks for the path's MTU (RFC 9000 section 14.3) as far as there is room for its probes. A connection
  /// that has nothing to fill a packet with gets none.
  std::size_t packet_room_ = packet_least;
  TimePoint last_time_{};
  bool flush_planned_ = false;
  bool socket_full_ = false;
  static constexpr std::size_t send_window_min = 512 * 1024, send_window_max = 48 * 1024 * 1024;
  static constexpr std::size_t unsent_min = 256 * 1024;
  std::size_t send_window_ = send_window_min, unsent_max_ = unsent_min;
  std::size_t burst_ = 0;
  TimePoint window_seen_{};
  ngtcp2_tstamp expiry_ = UINT64_MAX;  ///< what the library has to be woken up for
  std::optional<io::Clock::Alarm> alarm_;
  TimePoint alarm_at_ = TimePoint::max();

  // The end.
  bool ended_ = false;
  Error why_{};
  Bytes goodbye_;
  io::Endpoint goodbye_to_;
  std::optional<io::IpAddress> goodbye_from_;
  std::uint32_t heard_since_ = 0;
};

/// The callbacks that the library calls, with a Session as user data.
const ngtcp2_callbacks& library_callbacks();

/// A path in the library's terms.
struct PathStorage {
  sockaddr_storage local{}, remote{};
  ngtcp2_path path{};
  PathStorage();
  PathStorage(const io::Endpoint& local_end, const io::Endpoint& remote_end);
  PathStorage(const PathStorage&) = delete;
  PathStorage& operator=(const PathStorage&) = delete;
};

ngtcp2_cid to_library(const Cid& cid);
Cid from_library(const ngtcp2_cid& cid);

}  // namespace conclave::quic
