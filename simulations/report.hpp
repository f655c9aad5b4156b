#pragma once
/// What a scenario found out: figures with their goals, as a table or as JSON. The same seed gives the same
/// bytes, so nothing that depends on the machine (times, memory of the process) stands in a report; `note`
/// says that on stderr.
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace conclave::sim {

/// Where a share lies with 95 % confidence (Wilson 1927): honest for shares near 0 and 1 as well.
struct Wilson {
  double low = 0, high = 1;
  static Wilson of(std::uint64_t hits, std::uint64_t tries);
};

/// A sample of numbers, and its percentiles by nearest rank.
class Sample {
 public:
  void add(double value) { values_.push_back(value); }
  std::size_t size() const { return values_.size(); }
  /// `p` in [0, 100]; 0 of an empty sample.
  double percentile(double p) const;
  double mean() const;
  double max() const { return percentile(100); }
  const std::vector<double>& sorted() const;

 private:
  mutable std::vector<double> values_;
  mutable std::size_t sorted_ = 0;
};

class Report {
 public:
  struct Goal {
    enum class Kind { at_most, at_least, exactly } kind;
    double value;
  };
  struct Row {
    std::string name;
    double value = 0;
    std::string unit;
    std::optional<Goal> goal;
    std::uint64_t samples = 0;
    std::optional<Wilson> interval;  ///< of a share, in the row's unit
    bool met() const;
  };
  static Goal at_most(double value) { return {Goal::Kind::at_most, value}; }
  static Goal at_least(double value) { return {Goal::Kind::at_least, value}; }
  static Goal exactly(double value) { return {Goal::Kind::exactly, value}; }

  void setting(std::string name, std::string value) {
    settings_.emplace_back(std::move(name), std::move(value));
  }
  void figure(std::string name, double value, std::string unit = "", std::optional<Goal> goal = {});
  /// `hits` of `tries`, in percent with its interval.
  void share(std::string name, std::uint64_t hits, std::uint64_t tries, std::optional<Goal> goal = {});
  /// p50, p95, p99 and the largest.
  void percentiles(const std::string& name, const Sample& sample, const std::string& unit,
                   std::optional<Goal> p50 = {}, std::optional<Goal> p95 = {}, std::optional<Goal> p99 = {});
  /// A line of the table that is no figure: a trace, a remark.
  void line(std::string text) { lines_.push_back(std::move(text)); }
  /// A curve for --svg: the distribution of a sample, or any points.
  void curve(std::string name, std::vector<std::pair<double, double>> points);
  void distribution(std::string name, const Sample& sample);
  /// Something that must never be happened.
  void violation(std::string what) { violations_.push_back(std::move(what)); }

  const std::vector<Row>& rows() const { return rows_; }
  const Row* row(const std::string& name) const;
  bool sound() const { return violations_.empty(); }
  bool goals_met() const;
  std::string table(const std::string& scenario) const;
  std::string json(const std::string& scenario) const;
  std::string svg(const std::string& scenario) const;

 private:
  std::vector<std::pair<std::string, std::string>> settings_;
  std::vector<Row> rows_;
  std::vector<std::string> lines_;
  std::vector<std::string> violations_;
  std::vector<std::pair<std::string, std::vector<std::pair<double, double>>>> curves_;
};

}  // namespace conclave::sim
