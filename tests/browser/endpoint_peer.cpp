/// A program for browsers to connect to: it echoes what comes over data channels, and shows each page the media of
/// one other page. It prints one JSON line with what a link would carry, and ends when its input does.
///     endpoint_peer [LOSS]      of media packets in each direction, 0 to 1
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/read.hpp>
#include <cstdio>
#include <cstdlib>

#include "crypto/ensure.hpp"
#include "crypto/keys.hpp"
#include "tests/browser/endpoint_room.hpp"
#include "transport/io/udp.hpp"
#include "transport/webrtc/attachment.hpp"

int main(int argc, char** argv) {
  using namespace conclave;
  crypto::init();
  boost::asio::io_context context(1);
  io::AsioClock clock(context.get_executor());
  auto udp = io::Udp::open(context.get_executor(), {io::IpAddress::v4(0, 0, 0, 0), 0});
  if (!udp) {
    std::fprintf(stderr, "cannot open a socket: %s\n", udp.error().message().c_str());
    return 1;
  }
  SystemRandom random;
  auto identity = webrtc::EndpointIdentity::make(random);
  test::Room room(clock, random, argc > 1 ? std::atof(argv[1]) : 0);
  // The page puts zeros where HPKE's 48 bytes go; sealing itself is tested where it is made.
  auto open = [](ByteView sealed) -> Result<Bytes> {
    if (sealed.size() < 48) return fail(Errc::malformed);
    return copy(sealed.subspan(48));
  };
  auto endpoint = webrtc::Endpoint::make(identity, open, room, webrtc::Attachment::sink(**udp), random);
  ensure(endpoint.has_value(), "a fresh identity is usable");
  io::Demux demux(**udp);
  webrtc::Attachment attachment(demux, clock, **endpoint);
  room.start(**endpoint, attachment);

  std::printf("{\"port\":%u,\"pwd\":\"%s\",\"fingerprint\":\"%s\"}\n", (*udp)->local_port(),
              identity.ice_pwd.c_str(), webrtc::sdp_fingerprint(identity.certificate.fingerprint()).c_str());
  std::fflush(stdout);
  boost::asio::posix::stream_descriptor input(context, ::dup(0));
  char ignored;
  boost::asio::async_read(input, boost::asio::buffer(&ignored, 1),
                          [&](const boost::system::error_code&, std::size_t) { context.stop(); });
  context.run();
  room.report();
}
