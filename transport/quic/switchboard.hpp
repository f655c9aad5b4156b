#pragma once
/// What all connections on one socket share: the socket, the time, and who gets which packet. Internal to
/// quic.
#include "transport/io/clock.hpp"
#include "transport/io/datagrams.hpp"
#include "transport/quic/connection_memory.hpp"
#include "transport/quic/settings.hpp"

#include <map>

#include <boost/asio/any_io_executor.hpp>
#include <boost/unordered/unordered_flat_map.hpp>

namespace conclave::quic {

class Session;
using ResetToken = Fixed<struct ResetTokenTag, 16>;

class Switchboard {
 public:
  Switchboard(boost::asio::any_io_executor executor, io::Clock& clock, io::Datagrams& socket,
              const NodeKeys& keys, Random& random, Settings settings);

  boost::asio::any_io_executor executor;
  io::Clock& clock;
  Random& random;
  io::Datagrams* socket;  ///< null once the endpoint has closed
  const Identity identity;
  const Settings settings;
  KeyCache known;
  Gate gate;
  Bytes initial_text;  ///< of the Initial packet that is being read
  const std::shared_ptr<ConnectionMemory> memory = std::make_shared<ConnectionMemory>();

  /// Eight bytes: four random ones and four that prove that we made them, also after a restart: a stateless
  /// reset answers nobody who never had a connection id from us.
  Cid new_cid();
  bool made_by_us(const Cid& cid) const;
  ResetToken reset_token(const Cid& cid) const;

  void route(const Cid& cid, Session& session) { routes_.insert_or_assign(cid, &session); }
  void unroute(const Cid& cid) { routes_.erase(cid); }
  Session* find(const Cid& cid) const;
  void expect_reset(const ResetToken& token, Session& session) { resets_.insert_or_assign(token, &session); }
  void forget_reset(const ResetToken& token) { resets_.erase(token); }
  /// By the last 16 bytes, because the rest of a stateless reset is random.
  Session* find_reset(ByteView datagram) const;

  void adopt(std::shared_ptr<Session> session);
  void release(Session& session);
  void release_all();
  const boost::unordered_flat_map<Session*, std::shared_ptr<Session>>& sessions() const { return sessions_; }

  /// Connections that are neither refused nor over.
  std::size_t open = 0;
  std::size_t accepting = 0;  ///< of those: accepted, handshake not finished
  std::map<io::IpAddress, std::size_t> accepted_from;

  std::function<void(std::shared_ptr<Session>)> accepted;

  /// Where packets are made before they leave: one batch.
  static constexpr std::size_t batch_max = 65000;
  Byte* batch() { return batch_.get(); }

 private:
  crypto::HmacKey cid_key_, reset_key_;
  std::array<Byte, 256> cid_noise_;  ///< for the next ids: one question to the system for sixty-four of them
  std::size_t cid_noise_used_ = cid_noise_.size();
  boost::unordered_flat_map<Cid, Session*, std::hash<Cid>> routes_;
  boost::unordered_flat_map<ResetToken, Session*, std::hash<ResetToken>> resets_;
  boost::unordered_flat_map<Session*, std::shared_ptr<Session>> sessions_;
  std::unique_ptr<Byte[]> batch_;
};

}  // namespace conclave::quic
