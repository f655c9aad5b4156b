// One node, any datagrams: each packet type, with mac1 repaired where the input asks for it, and every decoder of
// what is inside. Nothing may be answered to an unproven address with more than three times its size.
#include "crypto/ensure.hpp"
#include "tests/transport/oneshot_pair.hpp"

using namespace conclave;
using namespace conclave::oneshot;

namespace {

void decode_everything(ByteView bytes) {
  if (auto question = Question::decode(bytes)) {
    auto again = Question::decode(question->encode(bytes.size() <= datagram_max ? bytes.size() : 0));
    ensure(question->body.size() > first_body_max || again->asker == question->asker, "a question survives");
  }
  if (auto answer = FirstAnswer::decode(bytes)) ensure(copy(bytes) == answer->encode(), "an answer is what it was");
  if (auto request = SessionRequest::decode(bytes)) ensure(copy(bytes) == request->encode(), "a request too");
  if (auto reply = SessionReply::decode(bytes)) ensure(copy(bytes) == reply->encode(), "a reply too");
  (void)Header::decode(bytes);
  (void)SessionHeader::decode(bytes);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2 || size > 4096) return 0;
  ByteView input(data, size);
  auto choice = input[0];
  input = input.subspan(1);
  if (choice & 1) {
    // A body above the bound never reaches encode() from the wire: the datagram bounds it.
    if (input.size() <= first_body_max + question_overhead) decode_everything(input);
    return 0;
  }
  static test::Pair pair = [] {
    test::Pair made;
    made.ask(view("waiting"), std::chrono::hours(100'000));
    return made;
  }();
  pair.now += std::chrono::milliseconds(1);
  Bytes packet = copy(input.first(std::min(input.size(), datagram_max)));
  if (choice & 2) packet[0] = static_cast<Byte>(4 + choice % 5);
  if (choice & 4 && packet.size() > 1) packet[1] = version;
  if (choice & 8 && packet.size() < first_message_min) packet.resize(first_message_min);
  if (choice & 16 && packet.size() >= first_message_min)
    stamp(packet, MacKeys(pair.b.keys.public_key()), std::nullopt);
  pair.give(pair.b, pair.a.at, packet);
  std::size_t sent = 0;
  for (auto& datagram : pair.b.core.take_outgoing()) sent += datagram.bytes.size();
  ensure(sent <= amplification_max * packet.size(), "three times and no more");
  pair.give(pair.a, pair.b.at, packet);
  pair.a.core.take_outgoing();
  ensure(pair.b.asked == 0, "nobody gets in without the key");
  ensure(pair.a.core.take_finished().empty(), "nobody answers for another");
  return 0;
}
