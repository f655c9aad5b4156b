#include "transport/quic/session.hpp"

#include "crypto/ensure.hpp"
#include "crypto/hkdf.hpp"
#include "transport/io/udp_packets.hpp"

#include <bit>

#include <netinet/in.h>

namespace conclave::quic {
namespace asio = boost::asio;
namespace {

/// How long a closed connection swallows what is still under way, and repeats its goodbye.
constexpr Duration linger_time = std::chrono::seconds(1);
/// Trap: explicit migration right behind a change of path runs into the peer's limit of connection ids.
constexpr Duration migration_pause = std::chrono::milliseconds(1500);
/// How often a peer may change its path within the time of a validation; then it stays where it is.
constexpr std::size_t former_paths_max = 4;
/// The library validates a path for three times the greater of the probe timeout and that of a connection that has
/// measured nothing yet (RFC 9000 section 8.2.4). This is more.
Duration validation_max(ngtcp2_duration pto) {
  const auto initial = std::chrono::milliseconds(300);
  const auto probe = std::max<std::chrono::nanoseconds>(std::chrono::nanoseconds(pto), initial);
  return std::chrono::duration_cast<Duration>(8 * probe) + std::chrono::seconds(1);
}

io::Endpoint endpoint_of(const ngtcp2_addr& address) {
  sockaddr_storage storage{};
  std::memcpy(&storage, address.addr, std::min<std::size_t>(address.addrlen, sizeof storage));
  return io::from_sockaddr(storage);
}

/// The library takes a time of zero for none; virtual time starts there.
constexpr ngtcp2_tstamp time_offset_us = 1'000'000;

ngtcp2_duration nanoseconds(Duration span) { return static_cast<ngtcp2_duration>(span.count()) * 1000; }
/// What a short-header packet spends besides a datagram's bytes: flags, our connection id, packet number,
/// tag, frame type and length.
constexpr std::size_t datagram_overhead = 1 + Cid::ours + 4 + PacketKey::tag_size + 1 + 2;

io::Endpoint stand_in(const io::Endpoint& remote, std::uint16_t number) {
  io::Endpoint out;
  out.ip.family = remote.ip.family;
  out.port = number;
  return out;
}

}  // namespace

PathStorage::PathStorage() {
  path.local = {reinterpret_cast<sockaddr*>(&local), sizeof local};
  path.remote = {reinterpret_cast<sockaddr*>(&remote), sizeof remote};
}

PathStorage::PathStorage(const io::Endpoint& local_end, const io::Endpoint& remote_end) : PathStorage() {
  path.local.addrlen = io::to_sockaddr(local_end, local_end.ip.family == io::IpAddress::Family::v6, local);
  path.remote.addrlen =
      io::to_sockaddr(remote_end, remote_end.ip.family == io::IpAddress::Family::v6, remote);
}

ngtcp2_cid to_library(const Cid& cid) {
  ngtcp2_cid out;
  ngtcp2_cid_init(&out, cid.bytes.data(), cid.length);
  return out;
}

Cid from_library(const ngtcp2_cid& cid) { return *Cid::from({cid.data, cid.datalen}); }

Session::Session(Private, std::shared_ptr<Switchboard> board, bool dialled, const NodeKey& peer)
    : board_(std::move(board)),
      dialled_(dialled),
      peer_(peer),
      window_(board_->settings.window_initial + board_->settings.window_initial / 2),
      incoming_event_(board_->executor, board_->clock),
      datagram_event_(board_->executor, board_->clock) {}

Session::~Session() {
  if (library_) ngtcp2_conn_del(library_);
}

ngtcp2_tstamp Session::stamp_at(TimePoint time) {
  // One batch has one time, and a handler that runs in between may have read a later one.
  last_time_ = std::max(last_time_, time);
  return (static_cast<ngtcp2_tstamp>(last_time_.time_since_epoch().count()) + time_offset_us) * 1000;
}

TimePoint Session::time_of(ngtcp2_tstamp stamp) {
  return TimePoint(Duration(static_cast<Duration::rep>((stamp + 999) / 1000 - time_offset_us)));
}

ngtcp2_settings Session::library_settings(TimePoint time) {
  ngtcp2_settings out;
  ngtcp2_settings_default(&out);
  // CUBIC did not finish 200 MB in 45 s at 0.1 % random loss and 40 ms; BBR2 kept 0.44 of 0.5 Gbit/s busy.
  out.cc_algo = NGTCP2_CC_ALGO_BBR2;
  out.initial_ts = stamp_at(time);
  out.initial_rtt = 100 * NGTCP2_MILLISECONDS;  // a lost first packet is repeated after 0.3 s, not 1 s
  out.rand_ctx.native_handle = &board_->random;
  out.max_stream_window = out.max_window = 0;  // ReceiveWindow does it
  out.handshake_timeout = nanoseconds(board_->settings.handshake);
  return out;
}

ngtcp2_transport_params Session::transport_parameters() const {
  auto& settings = board_->settings;
  ngtcp2_transport_params out;
  ngtcp2_transport_params_default(&out);
  out.initial_max_stream_data_bidi_local = settings.window_initial;
  out.initial_max_stream_data_bidi_remote = settings.window_initial;
  out.initial_max_data = window_.size();
  out.initial_max_streams_bidi = settings.streams_max;
  out.initial_max_streams_uni = 0;
  out.max_idle_timeout = nanoseconds(settings.idle);
  out.max_datagram_frame_size = 65535;
  out.active_connection_id_limit = 3;  // in use, on a path under validation, in reserve: each costs the peer two HMACs
  return out;
}

std::shared_ptr<Session> Session::make(std::shared_ptr<Switchboard> board, bool dialled, const NodeKey& peer) {
  ConnectionMemory::Allocator<Session> allocator(board->memory);
  return std::allocate_shared<Session>(allocator, Private{}, std::move(board), dialled, peer);
}

void Session::adopt() {
  // The library asks for sizes only: our keys know their cipher themselves.
  ngtcp2_crypto_ctx context{};
  context.aead.max_overhead = PacketKey::tag_size;
  auto limits = use_limits(Suite::chacha20_poly1305);
  context.max_encryption = limits.encryptions;
  context.max_decryption_failure = limits.failures;
  ngtcp2_conn_set_initial_crypto_ctx(library_, &context);
  ngtcp2_conn_set_crypto_ctx(library_, &context);
  ++board_->open;
  board_->adopt(shared_from_this());
}

std::shared_ptr<Session> Session::dial(std::shared_ptr<Switchboard> board, const io::Endpoint& to,
                                       const NodeKey& peer, Initiator initiator) {
  auto out = make(std::move(board), true, peer);
  auto& switchboard = *out->board_;
  out->remote_ = to;
  out->initiator_.emplace(std::move(initiator));
  auto ours = switchboard.new_cid();
  Cid theirs;
  theirs.length = 16;
  switchboard.random.fill(MutableBytes(theirs.bytes).first(theirs.length));
  auto source = to_library(ours), destination = to_library(theirs);
  PathStorage path(stand_in(to, out->path_number_), to);
  auto settings = out->library_settings(switchboard.clock.now());
  auto parameters = out->transport_parameters();
  auto status = ngtcp2_conn_client_new(&out->library_, &destination, &source, &path.path, NGTCP2_PROTO_VER_V1,
                                       &library_callbacks(), &settings, &parameters, switchboard.memory->interface(),
                                       out.get());
  ensure(status == 0, "the library takes our own parameters");
  switchboard.route(ours, *out);
  out->cids_.push_back(ours);
  out->adopt();
  ngtcp2_crypto_aead aead{nullptr, PacketKey::tag_size};
  ngtcp2_crypto_aead_ctx retry{
      new PacketKey(PacketKey::bare(retry_key(out->initiator_->responder_x25519())))};
  ngtcp2_conn_set_retry_aead(out->library_, &aead, &retry);
  return out;
}

std::shared_ptr<Session> Session::accept(std::shared_ptr<Switchboard> board, Gate::Opening opening,
                                         const io::Packet& first, TimePoint time) {
  auto out = make(std::move(board), false, opening.responder.introduction().node);
  auto& switchboard = *out->board_;
  out->remote_ = first.from;
  out->responder_.emplace(std::move(opening.responder));
  out->message_ = std::move(opening.message1);
  out->initial_ = std::move(opening.initial);
  auto ours = switchboard.new_cid();
  auto source = to_library(ours), destination = to_library(opening.source);
  auto settings = out->library_settings(time);
  auto parameters = out->transport_parameters();
  parameters.original_dcid = to_library(opening.original);
  if (!opening.token.empty()) {
    parameters.retry_scid = to_library(opening.destination);
    parameters.retry_scid_present = 1;
    settings.token = {opening.token.data(), opening.token.size()};
  }
  parameters.stateless_reset_token_present = 1;
  auto token = switchboard.reset_token(ours);
  std::copy(token.bytes.begin(), token.bytes.end(), parameters.stateless_reset_token);
  PathStorage path({first.to, switchboard.socket->local_port()}, first.from);
  auto status = ngtcp2_conn_server_new(&out->library_, &destination, &source, &path.path, NGTCP2_PROTO_VER_V1,
                                       &library_callbacks(), &settings, &parameters, switchboard.memory->interface(),
                                       out.get());
  if (status != 0) return nullptr;
  for (auto& cid : {ours, opening.destination}) {
    switchboard.route(cid, *out);
    out->cids_.push_back(cid);
  }
  out->adopt();
  out->counted_ = true;
  ++switchboard.accepting;
  out->accepted_network_ = first.from.ip.network();
  ++switchboard.accepted_from[out->accepted_network_];
  return out;
}

void Session::receive(const io::Packet& packet, TimePoint time) {
  auto self = shared_from_this();
  if (!library_) {
    // RFC 9000 10.2.1: answer a closed connection's packets less and less often.
    ++heard_since_;
    if (!goodbye_.empty() && board_->socket && std::has_single_bit(heard_since_))
      board_->socket->send(goodbye_to_, goodbye_, 0, goodbye_from_);
    return;
  }
  // Whoever closes before he knows that the handshake is confirmed says so twice in one datagram: in a Handshake packet,
  // for which we may have no keys any more, and behind it in one that we can read (RFC 9000 10.2.3).
  auto rest = packet.bytes;
  while (confirmed_ && !rest.empty() && (rest[0] & 0x80)) {
    auto header = decode_long_header(rest);
    if (!header) return;
    rest = rest.subspan(header->size);
  }
  if (!admissible(rest)) return;
  Path at{dialled_ ? stand_in(packet.from, path_number_)
                   : io::Endpoint{packet.to, board_->socket ? board_->socket->local_port() : std::uint16_t{0}},
          packet.from};
  if (!dialled_ && flaps(at)) at = path_;
  PathStorage path(at.local, at.remote);
  ngtcp2_pkt_info info{};
  int status = 0;
  while (!rest.empty() && status == 0) {
    // The library gives up a whole datagram when its first packet is a duplicate: whoever repeats our Initial
    // with a damaged Handshake packet behind it would keep the real one out. So the dialler reads packet by
    // packet; the responder must not, because an Initial counts only in a datagram of 1200 bytes.
    Result<LongHeader> header = fail(Errc::unsupported);
    if (dialled_ && !confirmed_) header = decode_long_header(rest);
    auto piece = rest.first(header ? header->size : rest.size());
    rest = rest.subspan(piece.size());
    status = ngtcp2_conn_read_pkt(library_, &path.path, &info, piece.data(), piece.size(), stamp_at(time));
  }
  after_library(status, time);
}

/// Trap: ngtcp2 0.12.1 ends the program where a peer goes back to the path that it left while the new one is being
/// validated (RFC 9000 section 9.3): an assert, which anybody who may connect could reach, with path MTU discovery and
/// without. So until no validation can go on, packets from former paths pass for packets on the current one, and a peer
/// with many paths stays where it is. A path that fails is left without their help; amplification stays below three.
bool Session::flaps(const Path& path) const {
  if (!established_ || path == path_) return false;
  return former_paths_.size() >= former_paths_max ||
         std::ranges::any_of(former_paths_, [&](const FormerPath& one) { return one.path == path; });
}

/// A validation has succeeded or failed. One that succeeds may begin another, of whether the path takes full packets,
/// with a timeout of its own; of that one's end we hear nothing. Before, no time is long enough: the library does not look
/// at its timeouts while it may not send to an address that has proven nothing.
void Session::on_validated(bool good) {
  const auto until = last_time_ + validation_max(ngtcp2_conn_get_pto(library_));
  for (auto& one : former_paths_) one.until = std::max(one.until.value_or(until), until);
  fell_back_ = !good;
}

void Session::follow_path(TimePoint time) {
  if (!library_ || !established_) return;
  const auto* path = ngtcp2_conn_get_path(library_);
  const Path current{endpoint_of(path->local), endpoint_of(path->remote)};
  if (current.remote != remote_) last_path_change_ = time;
  remote_ = current.remote;
  if (!dialled_ && current != path_) {
    // Who falls back is on a path that has been validated before.
    std::optional<TimePoint> until;
    if (fell_back_) until = time + validation_max(ngtcp2_conn_get_pto(library_));
    if (path_.remote.port != 0) former_paths_.push_back({path_, until});
    path_ = current;
  }
  fell_back_ = false;
}

/// Only when the library has written, and thereby looked at its timeouts: after a machine's sleep packets may be read
/// before any timer.
void Session::forget_former_paths(TimePoint time) {
  std::erase_if(former_paths_, [&](const FormerPath& one) { return one.until && *one.until <= time; });
}

void Session::after_library(int status, TimePoint time) {
  if (!library_) return;
  if (status != 0) {
    switch (status) {
      case NGTCP2_ERR_DRAINING:
        return end(make_error_code(Errc::closed));
      case NGTCP2_ERR_IDLE_CLOSE:
      case NGTCP2_ERR_HANDSHAKE_TIMEOUT:
        return end(make_error_code(Errc::timed_out));
      case NGTCP2_ERR_DROP_CONN:
      case NGTCP2_ERR_RETRY:
        return end(make_error_code(Errc::refused));
      default:
        break;
    }
    // A responder says nothing to somebody who has not finished the handshake.
    if (established_) {
      ngtcp2_connection_close_error reason;
      ngtcp2_connection_close_error_default(&reason);
      ngtcp2_connection_close_error_set_transport_error_liberr(&reason, status, nullptr, 0);
      say_goodbye(reason, time);
    }
    return end(make_error_code(Errc::malformed));
  }
  if (established_ && !announced_) {
    announced_ = true;
    uncount_handshake();
    board_->gate.proven(remote_.ip, time);
    initiator_.reset();
    responder_.reset();
    if (dialled_) ngtcp2_conn_set_keep_alive_timeout(library_, nanoseconds(board_->settings.keep_alive));
    wake();
    if (!dialled_) {
      if (board_->accepted)
        board_->accepted(shared_from_this());
      else
        close();
    }
  }
  follow_path(time);
}

void Session::uncount_handshake() {
  if (counted_) --board_->accepting;
  counted_ = false;
}

void Session::close(Error why) {
  if (ended_) return;
  auto self = shared_from_this();
  if (established_) {
    ngtcp2_connection_close_error reason;
    ngtcp2_connection_close_error_default(&reason);
    ngtcp2_connection_close_error_set_application_error(&reason, 0, nullptr, 0);
    say_goodbye(reason, now());
  }
  end(why);
}

void Session::say_goodbye(const ngtcp2_connection_close_error& reason, TimePoint time) {
  if (!library_ || !board_->socket) return;
  PathStorage path;
  ngtcp2_pkt_info info{};
  std::array<Byte, NGTCP2_MAX_UDP_PAYLOAD_SIZE> packet;
  auto size = ngtcp2_conn_write_connection_close(library_, &path.path, &info, packet.data(), packet.size(),
                                                 &reason, stamp_at(time));
  if (size <= 0) return;
  goodbye_.assign(packet.begin(), packet.begin() + size);
  goodbye_to_ = io::from_sockaddr(path.remote);
  auto local = io::from_sockaddr(path.local).ip;
  if (!dialled_ && !local.unspecified()) goodbye_from_ = local;
  board_->socket->send(goodbye_to_, goodbye_, 0, goodbye_from_);
}

void Session::end(Error why) {
  if (ended_) return;
  auto self = shared_from_this();
  ended_ = true;
  why_ = why;
  ngtcp2_conn_del(std::exchange(library_, nullptr));
  if (alarm_) board_->clock.cancel(*alarm_);
  alarm_.reset();
  line_.clear();
  for (auto& [id, stream] : streams_) stream->end(true);
  streams_.clear();
  for (auto& [name, stream] : incoming_) stream->end(true);
  incoming_.clear();
  for (auto& [cid, token] : resets_) board_->forget_reset(token);
  uncount_handshake();
  --board_->open;
  if (!dialled_) {
    auto from = board_->accepted_from.find(accepted_network_);
    if (from != board_->accepted_from.end() && --from->second == 0) board_->accepted_from.erase(from);
  }
  incoming_event_.ring();
  datagram_event_.ring();
  wake();
  linger();
}

void Session::linger() {
  auto leave = [self = shared_from_this()] {
    for (auto& cid : self->cids_) self->board_->unroute(cid);
    self->board_->release(*self);
  };
  if (!board_->socket || !announced_) return leave();
  board_->clock.at(now() + linger_time, std::move(leave));
}

void Session::wake() {
  for (auto& event : std::exchange(waiting_, {})) event->ring();
}

asio::awaitable<bool> Session::reach(Milestone milestone, TimePoint deadline) {
  auto self = shared_from_this();
  auto reached = [&] {
    return milestone == Milestone::ended         ? ended_
           : milestone == Milestone::established ? established_
                                                 : confirmed_;
  };
  while (!reached()) {
    if (ended_) co_return false;
    auto event = std::make_shared<io::Event>(board_->executor, board_->clock);
    waiting_.push_back(event);
    if (co_await event->wait_until(deadline)) continue;
    std::erase(waiting_, event);
    co_return reached();
  }
  co_return true;
}

Duration Session::smoothed_rtt() const {
  if (!library_) return Duration(0);
  ngtcp2_conn_stat stat;
  ngtcp2_conn_get_conn_stat(library_, &stat);
  return Duration(static_cast<Duration::rep>(stat.smoothed_rtt / 1000));
}

std::size_t Session::packet_max() const {
  return library_ ? ngtcp2_conn_get_path_max_tx_udp_payload_size(library_) : 0;
}

std::size_t Session::datagram_max() const {
  auto packet = packet_max();
  return packet > datagram_overhead ? packet - datagram_overhead : 0;
}

Result<Secret<32>> Session::export_secret(std::string_view label) const {
  if (!established_) return fail(Errc::refused);
  return crypto::hmac_sha256(exporter_.view(), view(label));
}

Result<> Session::update_keys() {
  if (!library_) return fail(Errc::closed);
  if (ngtcp2_conn_initiate_key_update(library_, stamp_at(now())) != 0) return fail(Errc::refused);
  flush_soon();
  return {};
}

Result<> Session::migrate() {
  if (!library_) return fail(Errc::closed);
  if (!dialled_ || !confirmed_ || now() - last_path_change_ < migration_pause) return fail(Errc::refused);
  PathStorage path(stand_in(remote_, static_cast<std::uint16_t>(path_number_ + 1)), remote_);
  if (ngtcp2_conn_initiate_immediate_migration(library_, &path.path, stamp_at(now())) != 0)
    return fail(Errc::refused);
  ++path_number_;
  last_path_change_ = now();
  flush_soon();
  return {};
}

}  // namespace conclave::quic
