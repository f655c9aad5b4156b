// Names of protocols from a stranger, in pieces: the pieces must not matter, and what follows the choice
// stays.
#include "crypto/ensure.hpp"
#include "transport/tcp/multistream.hpp"

using namespace conclave;

namespace {

bool speaks(std::string_view name) { return name == "/a" || name == "/noise"; }

struct Outcome {
  bool failed = false;
  std::size_t used = 0;
  Bytes reply;
  std::optional<std::string> chosen;
  bool operator==(const Outcome&) const = default;
};

Outcome choose(ByteView input, std::size_t piece) {
  tcp::Choice choice(speaks);
  Outcome out;
  while (!input.empty() && !choice.chosen()) {
    auto part = input.first(std::min(piece, input.size()));
    auto used = choice.receive(part);
    append(out.reply, choice.take_reply());
    if (!used) {
      out.failed = true;
      return out;
    }
    ensure(*used == part.size() || choice.chosen(), "everything is taken until the choice");
    out.used += *used;
    input = input.subspan(*used);
  }
  out.chosen = choice.chosen();
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const Byte* data, std::size_t size) {
  if (size == 0) return 0;
  ByteView input(data + 1, size - 1);
  auto whole = choose(input, input.size() + 1);
  auto pieces = choose(input, 1 + data[0] % 32);
  if (!whole.failed) ensure(whole == pieces, "pieces do not matter");
  ensure(whole.failed == pieces.failed, "pieces do not matter for errors");
  if (whole.chosen) ensure(speaks(*whole.chosen), "only what we speak is chosen");

  tcp::Proposal proposal("/noise");
  auto used = proposal.receive(input);
  if (used) ensure(*used == input.size() || proposal.agreed(), "everything is taken until the agreement");
  return 0;
}
