#include "transport/webrtc/sctp.hpp"

#include <sys/socket.h>
#include <usrsctp.h>

#include <bitset>
#include <map>
#include <utility>

#include "crypto/ensure.hpp"
#include "transport/webrtc/dcep.hpp"

namespace conclave::webrtc {
namespace {

constexpr std::uint16_t sctp_port = 5000;  ///< a=sctp-port of the page's answer; only a name
constexpr std::size_t packets_max = 256;   ///< a burst of usrsctp's; more is lost and sent again
constexpr std::size_t common_header_size = 12;
using Socket = struct socket;

}  // namespace

struct Sctp::Impl {
  Socket* socket = nullptr;
  std::uintptr_t id = 0;
  State state = State::connecting;
  std::vector<Bytes> packets;
  std::vector<Message> messages;
  std::map<std::uint16_t, Bytes> partial;  ///< messages that are still coming in
  std::bitset<channels_max> open;

  void* address() const { return reinterpret_cast<void*>(id); }
  void hear(ByteView bytes, const sctp_rcvinfo& info, bool last);
  void hear_notification(ByteView bytes);
  void hear_whole(std::uint16_t channel, Ppid kind, Bytes bytes);
  Result<> send(std::uint16_t channel, Ppid kind, ByteView bytes);
};

namespace {

/// The one stack of the process. usrsctp names an association by a pointer that it never follows: it is a
/// number here, so that a packet it sends late finds nobody rather than freed memory.
struct Stack {
  std::map<std::uintptr_t, Sctp::Impl*> associations;
  std::uintptr_t last_id = 0;
  TimePoint now{};

  Stack();
  static Stack& get() {
    static Stack stack;
    return stack;
  }
};

Sctp::Impl* find(void* address) {
  auto& all = Stack::get().associations;
  auto found = all.find(reinterpret_cast<std::uintptr_t>(address));
  return found == all.end() ? nullptr : found->second;
}

int send_packet(void* address, void* data, std::size_t size, Byte, Byte) {
  auto* impl = find(address);
  if (impl && impl->packets.size() < packets_max) {
    auto* bytes = static_cast<const Byte*>(data);
    impl->packets.emplace_back(bytes, bytes + size);
  }
  return 0;
}

int receive_data(Socket*, sctp_sockstore, void* data, std::size_t size, sctp_rcvinfo info, int flags, void* owner) {
  if (!data) return 1;
  if (auto* impl = find(owner)) {
    ByteView bytes(static_cast<const Byte*>(data), size);
    if (flags & MSG_NOTIFICATION) impl->hear_notification(bytes);
    else impl->hear(bytes, info, (flags & MSG_EOR) != 0);
  }
  std::free(data);
  return 1;
}

sockaddr_conn address_of(void* id) {
  sockaddr_conn out{};
  out.sconn_family = AF_CONN;
  out.sconn_port = htons(sctp_port);
  out.sconn_addr = id;
  return out;
}

template <class Value>
void option(Socket* socket, int level, int name, const Value& value) {
  ensure(usrsctp_setsockopt(socket, level, name, &value, sizeof value) == 0, "usrsctp takes an option");
}

/// Turned on for the notifications that we act upon.
void subscribe(Socket* socket) {
  for (int kind : {SCTP_ASSOC_CHANGE, SCTP_STREAM_RESET_EVENT}) {
    sctp_event event{};
    event.se_assoc_id = SCTP_ALL_ASSOC;
    event.se_on = 1;
    event.se_type = static_cast<std::uint16_t>(kind);
    option(socket, IPPROTO_SCTP, SCTP_EVENT, event);
  }
}

}  // namespace

void Sctp::Impl::hear_whole(std::uint16_t channel, Ppid kind, Bytes bytes) {
  if (channel >= channels_max) return;
  switch (kind) {
    case Ppid::dcep:
      if (decode_channel_open(bytes) && !open[channel]) {
        open[channel] = true;
        (void)send(channel, Ppid::dcep, channel_ack());
      }
      return;
    case Ppid::text:
    case Ppid::binary:
    case Ppid::text_empty:
    case Ppid::binary_empty: {
      bool empty = kind == Ppid::text_empty || kind == Ppid::binary_empty;
      if (!open[channel] || messages.size() >= inbox_max) return;
      messages.push_back({channel, kind == Ppid::text || kind == Ppid::text_empty, empty ? Bytes() : std::move(bytes)});
      return;
    }
  }
}

void Sctp::Impl::hear(ByteView bytes, const sctp_rcvinfo& info, bool last) {
  auto& so_far = partial[info.rcv_sid];
  append(so_far, bytes);
  if (so_far.size() > message_max || partial.size() > channels_max) {
    state = State::closed;  // it was told the limit
    return;
  }
  if (!last) return;
  auto whole = std::move(so_far);
  partial.erase(info.rcv_sid);
  hear_whole(info.rcv_sid, static_cast<Ppid>(ntohl(info.rcv_ppid)), std::move(whole));
}

void Sctp::Impl::hear_notification(ByteView bytes) {
  sctp_notification note{};
  std::memcpy(&note, bytes.data(), std::min(bytes.size(), sizeof note));
  if (note.sn_header.sn_type == SCTP_ASSOC_CHANGE) {
    if (note.sn_assoc_change.sac_state == SCTP_COMM_UP) state = State::connected;
    else if (note.sn_assoc_change.sac_state != SCTP_RESTART) state = State::closed;
  } else if (note.sn_header.sn_type == SCTP_STREAM_RESET_EVENT &&
             (note.sn_strreset_event.strreset_flags & SCTP_STREAM_RESET_INCOMING_SSN)) {
    auto header = offsetof(sctp_stream_reset_event, strreset_stream_list);
    for (auto rest = bytes.subspan(std::min(header, bytes.size())); rest.size() >= 2; rest = rest.subspan(2)) {
      std::uint16_t channel;
      std::memcpy(&channel, rest.data(), 2);
      if (channel != 0 && channel < channels_max) open[channel] = false;
    }
  }
}

Result<> Sctp::Impl::send(std::uint16_t channel, Ppid kind, ByteView bytes) {
  sctp_sendv_spa how{};
  how.sendv_flags = SCTP_SEND_SNDINFO_VALID;
  how.sendv_sndinfo.snd_sid = channel;
  how.sendv_sndinfo.snd_flags = SCTP_EOR;
  how.sendv_sndinfo.snd_ppid = htonl(static_cast<std::uint32_t>(kind));
  auto sent = usrsctp_sendv(socket, bytes.data(), bytes.size(), nullptr, 0, &how, sizeof how, SCTP_SENDV_SPA, 0);
  if (sent >= 0) return {};
  return fail(errno == EWOULDBLOCK || errno == EAGAIN ? Errc::limit_reached : Errc::closed);
}

Stack::Stack() {
  usrsctp_init_nothreads(0, send_packet, nullptr);  // no port of its own: packets come and go through us
  usrsctp_sysctl_set_sctp_ecn_enable(0);
  usrsctp_sysctl_set_sctp_asconf_enable(0);
  usrsctp_sysctl_set_sctp_auth_enable(0);
  usrsctp_sysctl_set_sctp_blackhole(2);
  usrsctp_sysctl_set_sctp_pr_enable(1);
  usrsctp_sysctl_set_sctp_sendspace(Sctp::unsent_max);
  usrsctp_sysctl_set_sctp_recvspace(256 * 1024);
  usrsctp_sysctl_set_sctp_max_chunks_on_queue(10 * 1024);
  // Interactive use: the standard's seconds are for telephone exchanges.
  usrsctp_sysctl_set_sctp_rto_initial_default(500);
  usrsctp_sysctl_set_sctp_rto_min_default(200);
  usrsctp_sysctl_set_sctp_rto_max_default(5000);
  usrsctp_sysctl_set_sctp_init_rto_max_default(5000);
  usrsctp_sysctl_set_sctp_delayed_sack_time_default(20);
  usrsctp_sysctl_set_sctp_initial_cwnd(10);
}

Sctp::Sctp(std::size_t packet_max) : impl_(std::make_unique<Impl>()) {
  auto& stack = Stack::get();
  impl_->id = ++stack.last_id;
  stack.associations.emplace(impl_->id, impl_.get());
  impl_->open[0] = true;
  usrsctp_register_address(impl_->address());
  impl_->socket = usrsctp_socket(AF_CONN, SOCK_STREAM, IPPROTO_SCTP, receive_data, nullptr, 0, impl_->address());
  ensure(impl_->socket != nullptr, "usrsctp makes a socket");
  auto* socket = impl_->socket;
  usrsctp_set_non_blocking(socket, 1);
  option(socket, SOL_SOCKET, SO_LINGER, linger{1, 0});  // close() aborts at once
  sctp_assoc_value reset{SCTP_ALL_ASSOC, SCTP_ENABLE_RESET_STREAM_REQ | SCTP_ENABLE_CHANGE_ASSOC_REQ};
  option(socket, IPPROTO_SCTP, SCTP_ENABLE_STREAM_RESET, reset);
  option(socket, IPPROTO_SCTP, SCTP_NODELAY, std::uint32_t{1});
  subscribe(socket);
  sctp_initmsg init{};
  init.sinit_num_ostreams = channels_max;
  init.sinit_max_instreams = channels_max;
  option(socket, IPPROTO_SCTP, SCTP_INITMSG, init);
  auto address = address_of(impl_->address());
  ensure(usrsctp_bind(socket, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0, "usrsctp binds");
  sctp_paddrparams path{};
  std::memcpy(&path.spp_address, &address, sizeof address);
  path.spp_flags = SPP_PMTUD_DISABLE;
  // usrsctp counts a path's MTU without the common header here.
  path.spp_pathmtu = static_cast<std::uint32_t>(packet_max - common_header_size);
  if (usrsctp_connect(socket, reinterpret_cast<sockaddr*>(&address), sizeof address) < 0) {
    ensure(errno == EINPROGRESS, "usrsctp starts to connect");
  }
  option(socket, IPPROTO_SCTP, SCTP_PEER_ADDR_PARAMS, path);
}

Sctp::~Sctp() {
  close();
  Stack::get().associations.erase(impl_->id);
}

void Sctp::close() {
  if (!impl_->socket) return;
  usrsctp_close(std::exchange(impl_->socket, nullptr));  // the abort comes out as a packet
  usrsctp_deregister_address(impl_->address());
  impl_->state = State::closed;
}

void Sctp::receive(ByteView packet, TimePoint now) {
  advance(now);
  if (impl_->socket) usrsctp_conninput(impl_->address(), packet.data(), packet.size(), 0);
}

void Sctp::advance(TimePoint now) {
  auto& stack = Stack::get();
  // Time that goes back is another world's (tests run several in one process).
  if (now < stack.now) stack.now = now;
  auto ticks = (now - stack.now) / tick;
  if (ticks == 0) return;
  stack.now += ticks * tick;
  constexpr auto ms_max = 60'000;
  auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(ticks * tick).count();
  usrsctp_handle_timers(static_cast<std::uint32_t>(std::min<std::int64_t>(ms, ms_max)));
}

Result<> Sctp::send(std::uint16_t channel, ByteView message, bool is_text) {
  if (!impl_->socket || impl_->state != State::connected) return fail(Errc::closed);
  if (channel >= channels_max || !impl_->open[channel]) return fail(Errc::not_found);
  if (message.size() > message_max) return fail(Errc::too_long);
  if (message.empty()) {
    return impl_->send(channel, is_text ? Ppid::text_empty : Ppid::binary_empty, Bytes{0});
  }
  return impl_->send(channel, is_text ? Ppid::text : Ppid::binary, message);
}

Sctp::State Sctp::state() const { return impl_->state; }
std::vector<Bytes> Sctp::take_packets() { return std::exchange(impl_->packets, {}); }
std::vector<Sctp::Message> Sctp::take_messages() { return std::exchange(impl_->messages, {}); }

}  // namespace conclave::webrtc
