// A node reduced to what the NAT lab looks at: one UDP socket, one-shot requests, a port mapper.
//
//     nat_node serve PORT          prints its key, then a line for each change of its mapping; ends on SIGTERM
//     nat_node ask KEY ENDPOINT    one request to the node of that key (hexadecimal) there; exits with 0 if it answers
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "transport/io/demux.hpp"
#include "transport/io/udp.hpp"
#include "transport/nat/port_mapper.hpp"
#include "transport/oneshot/endpoint.hpp"

using namespace conclave;
using namespace std::chrono_literals;
namespace asio = boost::asio;

namespace {

struct Node {
  explicit Node(std::uint16_t port)
      : socket(*io::Udp::open(context.get_executor(), {io::IpAddress(), port})),
        demux(*socket),
        oneshot(demux.channel(io::Demux::Kind::oneshot), clock, random, keys) {}
  asio::io_context context{1};
  io::AsioClock clock{context.get_executor()};
  SystemRandom random;
  NodeKeys keys = NodeKeys::generate(random);
  std::unique_ptr<io::Udp> socket;
  io::Demux demux;
  oneshot::Endpoint oneshot;
};

asio::awaitable<void> shut_down(nat::PortMapper& mapper, asio::io_context& context) {
  co_await mapper.close();
  context.stop();
}

int serve(std::uint16_t port) {
  Node node(port);
  node.oneshot.on_request(
      [](const NodeKey&, const io::Endpoint&, ByteView body) { return std::optional(copy(body)); });
  nat::PortMapper mapper(node.context.get_executor(), node.clock, {{nat::PortKind::udp, node.socket->local_port()}});
  mapper.on_change([&](const std::vector<nat::Lease>& leases) {
    if (leases.empty()) std::puts("unmapped");
    for (auto& lease : leases) std::printf("mapped %s by %s\n", lease.external.text().c_str(), mapper.how().c_str());
    std::fflush(stdout);
  });
  std::printf("key %s\n", hex(node.keys.public_key()).c_str());
  std::fflush(stdout);
  mapper.start();
  asio::signal_set signals(node.context, SIGTERM, SIGINT);
  signals.async_wait([&](boost::system::error_code error, int) {
    if (!error) asio::co_spawn(node.context, shut_down(mapper, node.context), asio::detached);
  });
  node.context.run();
  return 0;
}

int ask(const NodeKey& key, const io::Endpoint& at) {
  Node node(0);
  int status = 1;
  auto begin = node.clock.now();
  node.oneshot.request(key, at, view("are you there?"), begin + 1500ms, [&](Result<Bytes> answer) {
    auto ms = std::chrono::duration<double, std::milli>(node.clock.now() - begin).count();
    if (answer) std::printf("answered in %.1f ms\n", ms);
    else std::printf("%s\n", answer.error().message().c_str());
    status = answer ? 0 : 1;
    node.context.stop();
  });
  node.context.run_for(3s);
  return status;
}

}  // namespace

int main(int argc, char** argv) {
  crypto::init();
  std::string_view what = argc > 1 ? argv[1] : "";
  if (what == "serve" && argc == 3) return serve(static_cast<std::uint16_t>(std::atoi(argv[2])));
  if (what == "ask" && argc == 4) {
    auto bytes = from_hex(argv[2]);
    auto key = bytes ? NodeKey::from(*bytes) : Result<NodeKey>(fail(bytes.error()));
    auto at = io::Endpoint::parse(argv[3]);
    if (key && at) return ask(*key, *at);
  }
  std::fputs("nat_node serve PORT | ask KEY ENDPOINT\n", stderr);
  return 2;
}
