#pragma once
/// Messages between a page and a node about a conference, as JSON. docs/calls.md, section 4.
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "node/calls/forwarder.hpp"

namespace conclave::calls {

struct PageHello {
  ConferenceKey conference;
  std::vector<Bytes> statements;
};
struct PageStatements {
  std::vector<Bytes> statements;
};
struct PageTo {
  MemberId member;
  Bytes parcel;
};
struct PageAll {
  Bytes parcel;
};
struct PageWatch {
  std::vector<Watched> slots;
};
struct PageBye {};
using FromPage = std::variant<PageHello, PageStatements, PageTo, PageAll, PageWatch, PageBye>;

inline constexpr std::size_t signal_max = 256 * 1024;  ///< bytes of JSON, put together
inline constexpr std::size_t watched_max = 64;

/// The one place where a page's message is checked. Fails with Errc::malformed, too_long, unsupported.
Result<FromPage> decode_signal(std::string_view json);

/// Puts long messages together: `{"t":"part","n":…,"of":…,"d":…}`. docs/calls.md, section 4.
class SignalParts {
 public:
  /// The whole message's JSON, or nothing while parts are to come. Fails with Errc::malformed, too_long.
  Result<std::optional<std::string>> take(std::string_view message);

 private:
  std::string have_;
  std::uint32_t next_ = 0;
};
/// Messages of at most 16 KiB that say the same.
std::vector<std::string> cut_signal(const std::string& json);

std::string welcome_json(const std::vector<Bytes>& statements, const MemberId& you, const NodeKey& node);
std::string statements_json(const std::vector<Bytes>& statements);
std::string to_json_text(const MemberId& from, ByteView parcel);
std::string all_json(const MemberId& from, ByteView parcel);
std::string slots_json(std::span<const SlotAssigned> slots);
std::string speakers_json(std::span<const MemberId> members);
std::string quality_json(const Quality& quality, const MemberId& own);
std::string refused_json(std::string_view why);

}  // namespace conclave::calls
