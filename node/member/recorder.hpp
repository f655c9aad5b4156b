#pragma once
/// Recordings: a film and a song per sender, named by name and member id. What is written was authenticated by the key
/// of whom it is named after.
#include <map>

#include "node/member/receiver.hpp"
#include "node/member/ogg.hpp"

namespace conclave::member {

class Recorder {
 public:
  static constexpr std::size_t files_max = 600;  ///< three for each of the members that a roster holds, at most

  /// Fails with the system's error when the directory cannot be made.
  static Result<Recorder> open(std::string directory);
  /// `name` is what the member calls itself; only letters, digits and dashes of it go into a file name.
  void add(const Frame& frame, std::string_view name, TimePoint at);
  void finish();
  std::size_t files() const { return films_.size() + songs_.size(); }

 private:
  explicit Recorder(std::string directory) : directory_(std::move(directory)) {}
  using Key = std::pair<calls::MemberId, e2ee::Kind>;
  std::string directory_;
  std::optional<TimePoint> begun_;
  std::map<Key, FilmWriter> films_;
  std::map<Key, SongWriter> songs_;
};

}  // namespace conclave::member
