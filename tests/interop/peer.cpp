// Our side of the interop test against js-libp2p. Two ways to run it:
//
//   interop_peer listen                                  serves on one port over TCP and WebSocket
//   interop_peer dial <endpoint> <peer id> tcp|ws        checks the listener there; passed/failed/figure lines
//
// The test protocols: /test/echo/1 gives back what comes; /test/count/1 answers, after the end of what it hears, how
// many bytes that was; /test/reset-me/1 resets the stream once something comes; /test/bear-reset/1 hears until the
// end, and /test/resets/1 tells how many of those ends were resets; /test/pushed/1 tells what identify push said last.
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/this_coro.hpp>
#include <cstdio>

#include "crypto/codec/key_text.hpp"
#include "transport/address/peer_address.hpp"
#include "transport/identify/identify.hpp"
#include "transport/identify/ping.hpp"
#include "transport/tcp/transport.hpp"

using namespace conclave;
using namespace std::chrono_literals;
namespace asio = boost::asio;

namespace {

constexpr std::string_view agent = "conclave under test";
constexpr std::array<std::string_view, 9> spoken{
    "/test/echo/1",   "/test/count/1",   "/test/reset-me/1",  "/test/bear-reset/1",     "/test/resets/1",
    "/test/pushed/1", identify::protocol, identify::push_protocol, identify::ping_protocol};

Bytes pattern() {
  Bytes out(1 << 16);
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = static_cast<Byte>(i * 31 + (i >> 8));
  return out;
}

bool speaks(std::string_view name) { return std::find(spoken.begin(), spoken.end(), name) != spoken.end(); }

asio::awaitable<Result<std::size_t>> drain(io::Stream& stream) {
  Bytes buffer(1 << 18);
  std::size_t count = 0;
  for (;;) {
    auto size = co_await stream.read_some(buffer);
    if (!size && size.error() == Errc::end_of_stream) co_return count;
    if (!size) co_return fail(size.error());
    count += *size;
  }
}

asio::awaitable<Result<std::string>> read_text(io::Stream& stream) {
  std::string out;
  Bytes buffer(4096);
  for (;;) {
    auto size = co_await stream.read_some(buffer);
    if (!size && size.error() == Errc::end_of_stream) co_return out;
    if (!size) co_return fail(size.error());
    out += text(ByteView(buffer).first(*size));
  }
}

asio::awaitable<void> say(io::Stream& stream, std::string words) {
  (void)co_await stream.write_all(view(words));
  (void)co_await stream.close_write();
}

asio::awaitable<void> echo(io::Stream& stream) {
  Bytes buffer(1 << 18);
  for (;;) {
    auto size = co_await stream.read_some(buffer);
    if (!size || !co_await stream.write_all(ByteView(buffer).first(*size))) break;
  }
  (void)co_await stream.close_write();
}

class Peer {
 public:
  explicit Peer(asio::io_context& context)
      : clock(context.get_executor()),
        keys(NodeKeys::generate(random)),
        serving(context.get_executor(), clock),
        transport(context.get_executor(), clock, random, keys, settings()) {
    transport.on_accept([this](auto connection) { serving.start(serve(connection)); });
  }

  static tcp::TransportSettings settings() {
    tcp::TransportSettings out;
    out.speaks = speaks;
    return out;
  }

  identify::Identity identity(std::string name, const io::Connection& connection) const {
    identify::Identity out;
    out.key = keys.public_key();
    for (auto protocol : spoken) out.protocols.emplace_back(protocol);
    out.agent = std::move(name);
    out.protocol_version = "ipfs/0.1.0";
    auto transport_kind = connection.kind() == io::Connection::Kind::websocket ? address::PeerAddress::Transport::ws
                                                                               : address::PeerAddress::Transport::tcp;
    out.observed = address::PeerAddress{transport_kind, connection.remote(), {}, {}}.multiaddr();
    if (listening) {
      out.listening = {address::PeerAddress{address::PeerAddress::Transport::tcp, *listening, {}, {}}.multiaddr()};
    }
    return out;
  }

  asio::awaitable<void> serve(std::shared_ptr<io::Connection> connection) {
    for (;;) {
      auto incoming = co_await connection->accept();
      if (!incoming) co_return;
      serving.start(answer(std::move(incoming->protocol), std::move(incoming->stream), connection));
    }
  }

  asio::awaitable<void> answer(std::string protocol, std::unique_ptr<io::Stream> stream,
                               std::shared_ptr<io::Connection> connection) {
    if (protocol == "/test/echo/1") co_await echo(*stream);
    if (protocol == "/test/count/1") {
      if (auto count = co_await drain(*stream)) co_await say(*stream, std::to_string(*count));
    }
    if (protocol == "/test/reset-me/1") {
      Byte byte;
      (void)co_await stream->read_some({&byte, 1});
      stream->reset();
    }
    if (protocol == "/test/bear-reset/1") {
      auto count = co_await drain(*stream);
      if (!count && count.error() == Errc::stream_reset) ++resets;
    }
    if (protocol == "/test/resets/1") co_await say(*stream, std::to_string(resets));
    if (protocol == "/test/pushed/1") {
      co_await say(*stream, pushed.agent + ", " + std::to_string(pushes) + " pushes");
    }
    if (protocol == identify::ping_protocol) (void)co_await identify::answer_pings(*stream);
    if (protocol == identify::protocol) {
      (void)co_await identify::tell(*stream, identity(std::string(agent), *connection));
    }
    if (protocol == identify::push_protocol) {
      if (auto heard = co_await identify::hear(*stream, connection->peer())) {
        pushed = *heard;
        // js-libp2p pushes by itself whenever something about it changes: what counts is the change we know of.
        auto& names = pushed.protocols;
        if (std::find(names.begin(), names.end(), "/test/new/1") != names.end()) pushes = 1;
      }
    }
  }

  SystemRandom random;
  io::AsioClock clock;
  NodeKeys keys;
  io::Scope serving;
  tcp::Transport transport;
  std::optional<io::Endpoint> listening;
  identify::Identity pushed;
  std::size_t pushes = 0;
  std::size_t resets = 0;
};

/// The checks against a listener of js-libp2p.
class Checks {
 public:
  Checks(Peer& peer, io::Endpoint to, NodeKey key, io::Connection::Kind kind)
      : peer_(peer), to_(to), key_(key), kind_(kind) {}

  asio::awaitable<void> run() {
    auto dialled = co_await peer_.transport.dial(to_, key_, peer_.clock.now() + 10s, kind_);
    check("noise, yamux, the expected peer", dialled && (*dialled)->peer() == key_);
    if (!dialled) {
      std::printf("%s\n", dialled.error().message().c_str());
      co_return;
    }
    connection_ = *dialled;
    peer_.serving.start(peer_.serve(connection_));
    co_await early_muxer();
    co_await identity();
    co_await pings();
    co_await echo_much();
    co_await upload();
    co_await many_streams();
    co_await half_close();
    co_await resets();
    co_await unknown_protocol();
    co_await push();
    co_await wrong_peer();
  }

  asio::awaitable<void> foreign_identity() {
    auto dialled = co_await peer_.transport.dial(to_, std::nullopt, peer_.clock.now() + 10s, kind_);
    check("an identity that is not Ed25519 is refused by name", !dialled && dialled.error() == Errc::unsupported);
  }

  std::size_t failures() const { return failures_; }

 private:
  void check(const char* what, bool holds) {
    if (!holds) ++failures_;
    std::printf("%s 1 (ours dials, %s: %s)\n", holds ? "passed" : "failed", kind(), what);
  }
  const char* kind() const { return kind_ == io::Connection::Kind::tcp ? "tcp" : "websocket"; }
  double seconds_since(TimePoint begin) const {
    return std::chrono::duration<double>(peer_.clock.now() - begin).count();
  }
  asio::awaitable<std::shared_ptr<io::Stream>> open(std::string protocol) {
    auto stream = co_await connection_->open(std::move(protocol));
    if (!stream) {
      check("a stream opens", false);
      std::exit(1);
    }
    co_return std::shared_ptr<io::Stream>(std::move(*stream));
  }

  /// The muxer agreed inside the Noise payload, and, by a second connection, in a round of its own.
  asio::awaitable<void> early_muxer() {
    auto static_keys = noise::KeyPair::of(NodeKeys::generate(peer_.random));
    auto executor = co_await asio::this_coro::executor;
    io::Scope scope(executor, peer_.clock);
    for (bool early : {true, false}) {
      auto deadline = peer_.clock.now() + 5s;
      auto socket = co_await tcp::Socket::connect(to_, peer_.clock, deadline);
      if (!socket) {
        check("a second connection", false);
        co_return;
      }
      std::unique_ptr<io::Stream> pipe = std::move(*socket);
      if (kind_ == io::Connection::Kind::websocket) {
        std::unique_ptr<tcp::Socket> bare(static_cast<tcp::Socket*>(pipe.release()));
        pipe = *co_await tcp::websocket_client(std::move(bare), to_, peer_.clock, deadline);
      }
      // The node key is another one as well: js-libp2p would else take this for the same peer.
      auto keys = NodeKeys::generate(peer_.random);
      tcp::LinkSettings link{executor, peer_.clock, scope, speaks, {}};
      tcp::UpgradeOf what{tcp::Handshake::Role::dialler, kind_, to_, key_, deadline};
      auto upgraded =
          co_await tcp::upgrade(std::move(pipe), what, {keys, static_keys, peer_.random, link, early});
      check(early ? "early muxer" : "the muxer by multistream-select under Noise",
            upgraded && upgraded->early_muxer == early);
      if (upgraded) upgraded->connection->close();
      co_await scope.wait_idle_until(peer_.clock.now() + 3s);
    }
    co_await scope.close();
  }

  asio::awaitable<void> identity() {
    auto stream = co_await open(std::string(identify::protocol));
    auto heard = co_await identify::hear(*stream, key_);
    if (!heard) std::printf("%s\n", heard.error().message().c_str());
    auto has = [&](std::string_view name) {
      return std::find(heard->protocols.begin(), heard->protocols.end(), name) != heard->protocols.end();
    };
    check("identify", heard && heard->agent == "js-libp2p under test" && heard->key == key_ && has("/test/echo/1") &&
                          heard->listening.size() == 2 && heard->observed);
  }

  asio::awaitable<void> pings() {
    auto stream = co_await open(std::string(identify::ping_protocol));
    auto best = Duration::max();
    bool good = true;
    for (int i = 0; i < 10; ++i) {
      auto rtt = co_await identify::ping(*stream, peer_.clock, peer_.random);
      good = good && rtt;
      if (rtt) best = std::min(best, *rtt);
    }
    check("ping", good);
    std::printf("figure ours dials, %s: ping %.2f ms\n", kind(), static_cast<double>(best.count()) / 1000);
  }

  static asio::awaitable<void> send_pattern(std::shared_ptr<io::Stream> stream, std::size_t blocks) {
    auto block = pattern();
    Bytes quarter;
    for (int i = 0; i < 4; ++i) append(quarter, block);
    for (std::size_t i = 0; i < blocks / 4; ++i) {
      if (!co_await stream->write_all(quarter)) co_return;
    }
    for (std::size_t i = 0; i < blocks % 4; ++i) {
      if (!co_await stream->write_all(block)) co_return;
    }
    (void)co_await stream->close_write();
  }

  static constexpr std::size_t blocks_of_100_mb = 1526;

  asio::awaitable<void> echo_much() {
    auto stream = co_await open("/test/echo/1");
    auto block = pattern();
    auto begin = peer_.clock.now();
    peer_.serving.start(send_pattern(stream, blocks_of_100_mb));
    Bytes buffer(1 << 18);
    std::size_t received = 0;
    bool right = true;
    Result<std::size_t> size = 0;
    while ((size = co_await stream->read_some(buffer))) {
      for (std::size_t i = 0; i < *size;) {
        auto at = (received + i) % block.size();
        auto length = std::min(block.size() - at, *size - i);
        right = right && std::memcmp(buffer.data() + i, block.data() + at, length) == 0;
        i += length;
      }
      received += *size;
    }
    check("100 MB through echo", right && size.error() == Errc::end_of_stream &&
                                     received == blocks_of_100_mb * block.size());
    std::printf("figure ours dials, %s: 100 MB echoed at %.0f MB/s\n", kind(),
                static_cast<double>(received) / 1e6 / seconds_since(begin));
  }

  asio::awaitable<void> upload() {
    auto stream = co_await open("/test/count/1");
    auto begin = peer_.clock.now();
    co_await send_pattern(stream, blocks_of_100_mb);
    auto count = co_await read_text(*stream);
    check("100 MB one way", count && *count == std::to_string(blocks_of_100_mb << 16));
    std::printf("figure ours dials, %s: 100 MB sent at %.0f MB/s\n", kind(), 100 / seconds_since(begin));
  }

  asio::awaitable<void> one_of_many(std::size_t i) {
    auto stream = co_await open("/test/echo/1");
    std::string words;
    for (int k = 0; k < 100; ++k) words += "stream " + std::to_string(i) + " ";
    co_await say(*stream, words);
    auto echoed = co_await read_text(*stream);
    if (echoed && *echoed == words) ++echoed_;
  }

  asio::awaitable<void> many_streams() {
    auto begin = peer_.clock.now();
    io::Scope scope(co_await asio::this_coro::executor, peer_.clock);
    for (std::size_t i = 0; i < 200; ++i) scope.start(one_of_many(i));
    co_await scope.wait_idle_until(peer_.clock.now() + 10s);
    check("200 streams at once", echoed_ == 200);
    std::printf("figure ours dials, %s: 200 streams echoed in %.0f ms\n", kind(), seconds_since(begin) * 1000);
  }

  asio::awaitable<void> half_close() {
    auto stream = co_await open("/test/count/1");
    co_await say(*stream, std::string(100'000, 'x'));
    auto count = co_await read_text(*stream);
    check("half-close: the answer comes after our end", count && *count == "100000");
  }

  asio::awaitable<void> resets() {
    auto theirs = co_await open("/test/reset-me/1");
    (void)co_await theirs->write_all(view("now"));
    Byte byte;
    auto read = co_await theirs->read_some({&byte, 1});
    check("their reset reaches us", !read && read.error() == Errc::stream_reset);

    auto before = co_await read_text(*co_await open("/test/resets/1"));
    auto ours = co_await open("/test/bear-reset/1");
    (void)co_await ours->write_all(view("hello"));
    co_await io::sleep_until(peer_.clock, peer_.clock.now() + 50ms);
    ours->reset();
    co_await io::sleep_until(peer_.clock, peer_.clock.now() + 50ms);
    auto after = co_await read_text(*co_await open("/test/resets/1"));
    check("our reset reaches them", before && after && std::stoi(*after) == std::stoi(*before) + 1);
  }

  asio::awaitable<void> unknown_protocol() {
    auto stream = co_await open("/test/unheard-of/1");
    Byte byte;
    auto read = co_await stream->read_some({&byte, 1});
    check("an unknown protocol is refused", !read && read.error() == Errc::unsupported && !connection_->closed());
  }

  asio::awaitable<void> push() {
    auto stream = co_await open(std::string(identify::push_protocol));
    auto told = co_await identify::tell(*stream, peer_.identity("conclave, changed", *connection_));
    co_await io::sleep_until(peer_.clock, peer_.clock.now() + 200ms);
    auto asked = co_await open("/test/pushed/1");
    auto said = co_await read_text(*asked);
    check("identify push", told && said && *said == "conclave, changed");
  }

  asio::awaitable<void> wrong_peer() {
    auto other = NodeKeys::generate(peer_.random).public_key();
    auto dialled = co_await peer_.transport.dial(to_, other, peer_.clock.now() + 5s, kind_);
    check("another peer than the one expected is refused", !dialled && dialled.error() == Errc::bad_key);
  }

  Peer& peer_;
  io::Endpoint to_;
  NodeKey key_;
  io::Connection::Kind kind_;
  std::shared_ptr<io::Connection> connection_;
  std::size_t echoed_ = 0;
  std::size_t failures_ = 0;
};

asio::awaitable<void> run_checks(Checks& checks, bool foreign) {
  co_await (foreign ? checks.foreign_identity() : checks.run());
  std::_Exit(checks.failures() == 0 ? 0 : 1);
}

}  // namespace

int main(int count, char** words) {
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  asio::io_context context(1);
  Peer peer(context);
  std::string_view mode = count > 1 ? words[1] : "";
  if (mode == "listen") {
    auto at = peer.transport.listen({io::IpAddress::v4(127, 0, 0, 1), 0});
    if (!at) return 1;
    peer.listening = *at;
    std::printf("{\"peer\": \"%s\", \"tcp\": %u, \"ws\": %u}\n", codec::to_text(peer.keys.public_key()).c_str(),
                at->port, at->port);
    context.run();
    return 0;
  }
  if ((mode != "dial" && mode != "dial-foreign") || count != 5) return 2;
  auto to = io::Endpoint::parse(words[2]);
  bool foreign = mode == "dial-foreign";
  auto key = foreign ? Result<NodeKey>(NodeKey()) : codec::node_key_from_text(words[3]);
  if (!to || !key) return 2;
  auto kind = std::string_view(words[4]) == "ws" ? io::Connection::Kind::websocket : io::Connection::Kind::tcp;
  Checks checks(peer, *to, *key, kind);
  asio::co_spawn(context, run_checks(checks, foreign), asio::detached);
  context.run();
  return 1;
}
