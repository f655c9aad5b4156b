#pragma once
/// What a node keeps about conferences across restarts, so that links live: founders' keys, invites, statements, and
/// who this node is to browsers.
#include "node/calls/statement.hpp"
#include "node/store/store.hpp"
#include "transport/webrtc/endpoint.hpp"

namespace conclave::calls {

struct KeptConference {
  ConferenceKey key;
  std::optional<Secret<32>> seed;  ///< of the conference's key pair, where this node founded it
  std::string name;
  UnixTime created;
  std::vector<Bytes> statements;
  std::vector<Secret<32>> invites;  ///< seeds of invites that this node made
};

/// Conferences that nobody entered for this long are forgotten at the next start.
inline constexpr std::chrono::milliseconds kept_for = std::chrono::hours(24 * 60);

boost::asio::awaitable<Result<std::vector<KeptConference>>> load_conferences(store::Store& store, UnixTime now);
boost::asio::awaitable<Result<>> keep_conference(store::Store& store, ConferenceKey key, std::optional<Secret<32>> seed,
                                                 std::string name, UnixTime now);
boost::asio::awaitable<Result<>> keep_invite(store::Store& store, ConferenceKey key, Secret<32> seed);
boost::asio::awaitable<Result<>> forget_conference(store::Store& store, ConferenceKey key);
/// Replaces what was kept: a roster is small.
boost::asio::awaitable<Result<>> keep_statements(store::Store& store, ConferenceKey key, std::vector<Bytes> statements);
/// The identity of last time, or a fresh one.
boost::asio::awaitable<Result<webrtc::EndpointIdentity>> webrtc_identity(store::Store& store, Random& random);

}  // namespace conclave::calls
