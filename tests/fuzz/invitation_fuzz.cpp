// How a stranger comes to a conference: a link that somebody pasted (its checksum is also put right here), what a page
// claims about itself in its ICE user fragment, and the proof of an invite.
#include "crypto/codec/base_n.hpp"
#include "crypto/hash.hpp"
#include "node/calls/invitation.hpp"
#include "tests/fuzz/fuzz.hpp"
#include "transport/webrtc/claims.hpp"

using namespace conclave;

namespace {

void read_link(std::string_view text) {
  auto link = calls::conference_link_from_text(text);
  if (!link) return;
  ensure(!link->entries.empty() && link->entries.size() <= calls::ConferenceLink::entries_max, "a link has ways in");
  auto again = calls::conference_link_from_text(calls::to_text(*link));
  ensure(again && *again == *link, "a link reads back to itself");
}

void read_claims(ByteView bytes) {
  auto claims = webrtc::decode_claims(bytes);
  if (!claims) return;
  ensure(webrtc::encode(*claims) == copy(bytes), "claims have one form");
  auto chars = webrtc::from_ice_chars(webrtc::to_ice_chars(bytes));
  ensure(chars && *chars == copy(bytes), "and one text");
}

void show_proof(ByteView proof) {
  const ConferenceKey conference{};
  const Bytes page(32, 1), node(32, 2);
  ensure(!calls::open_proof(proof, page, node, {&conference, 1}, UnixTime{1'800'000'000'000}), "nobody signed this");
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const bool started = (crypto::init(), true);
  (void)started;
  ByteView input(data, size);
  switch (fuzz::take_choice(input) % 5) {
    case 0: read_link(text(input)); break;
    case 1: {
      auto packed = copy(input);
      append(packed, crypto::sha256(input).view().first(4));
      read_link(codec::base64url(packed));
      break;
    }
    case 2: read_claims(input); break;
    case 3:
      if (auto bytes = webrtc::from_ice_chars(text(input))) {
        ensure(webrtc::to_ice_chars(*bytes) == text(input), "one text for one content");
        read_claims(*bytes);
      }
      break;
    case 4: show_proof(input); break;
  }
  return 0;
}
