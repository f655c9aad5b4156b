#include "simulations/report.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace conclave::sim {

Wilson Wilson::of(std::uint64_t hits, std::uint64_t tries) {
  if (tries == 0) return {};
  constexpr double z = 1.959964;
  const double n = static_cast<double>(tries), p = static_cast<double>(hits) / n;
  const double middle = (p + z * z / (2 * n)) / (1 + z * z / n);
  const double half = z * std::sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n);
  return {hits == 0 ? 0 : std::max(0.0, middle - half), hits == tries ? 1 : std::min(1.0, middle + half)};
}

const std::vector<double>& Sample::sorted() const {
  if (sorted_ != values_.size()) {
    std::sort(values_.begin(), values_.end());
    sorted_ = values_.size();
  }
  return values_;
}

double Sample::percentile(double p) const {
  auto& all = sorted();
  if (all.empty()) return 0;
  auto rank = static_cast<std::size_t>(std::ceil(p / 100 * static_cast<double>(all.size())));
  return all[std::clamp<std::size_t>(rank, 1, all.size()) - 1];
}

double Sample::mean() const {
  auto& all = sorted();  // summed in order, so that the sum does not depend on who came first
  return all.empty() ? 0 : std::accumulate(all.begin(), all.end(), 0.0) / static_cast<double>(all.size());
}

bool Report::Row::met() const {
  if (!goal) return true;
  switch (goal->kind) {
    case Goal::Kind::at_most:
      return value <= goal->value;
    case Goal::Kind::at_least:
      return value >= goal->value;
    case Goal::Kind::exactly:
      return value == goal->value;
  }
  return false;
}

void Report::figure(std::string name, double value, std::string unit, std::optional<Goal> goal) {
  rows_.push_back({std::move(name), value, std::move(unit), goal, 0, {}});
}

void Report::share(std::string name, std::uint64_t hits, std::uint64_t tries, std::optional<Goal> goal) {
  auto interval = Wilson::of(hits, tries);
  const double value = tries == 0 ? 0 : 100.0 * static_cast<double>(hits) / static_cast<double>(tries);
  rows_.push_back(
      {std::move(name), value, "%", goal, tries, Wilson{100 * interval.low, 100 * interval.high}});
}

void Report::percentiles(const std::string& name, const Sample& sample, const std::string& unit,
                         std::optional<Goal> p50, std::optional<Goal> p95, std::optional<Goal> p99) {
  auto add = [&](const char* which, double p, std::optional<Goal> goal) {
    rows_.push_back({name + " " + which, sample.percentile(p), unit, goal, sample.size(), {}});
  };
  add("p50", 50, p50);
  add("p95", 95, p95);
  add("p99", 99, p99);
  add("max", 100, {});
}

void Report::curve(std::string name, std::vector<std::pair<double, double>> points) {
  curves_.emplace_back(std::move(name), std::move(points));
}

void Report::distribution(std::string name, const Sample& sample) {
  std::vector<std::pair<double, double>> points;
  for (int p = 0; p <= 100; ++p) points.emplace_back(sample.percentile(p), p);
  curve(std::move(name), std::move(points));
}

const Report::Row* Report::row(const std::string& name) const {
  for (auto& row : rows_)
    if (row.name == name) return &row;
  return nullptr;
}

bool Report::goals_met() const {
  return std::all_of(rows_.begin(), rows_.end(), [](const Row& row) { return row.met(); });
}

namespace {

std::string number(double value) {
  if (value == std::floor(value) && std::abs(value) < 1e15) return fmt::format("{:.0f}", value);
  if (std::abs(value) >= 100) return fmt::format("{:.1f}", value);
  return fmt::format("{:.4g}", value);
}

std::string percent(double value) {
  return value == std::floor(value) ? fmt::format("{:.0f}", value) : fmt::format("{:.4f}", value);
}

std::string shown(const Report::Row& row) { return row.unit == "%" ? percent(row.value) : number(row.value); }

std::string shown(const Report::Goal& goal) {
  const char* sign = goal.kind == Report::Goal::Kind::at_most    ? "<= "
                     : goal.kind == Report::Goal::Kind::at_least ? ">= "
                                                                 : "= ";
  return sign + number(goal.value);
}

}  // namespace

std::string Report::table(const std::string& scenario) const {
  std::string out = scenario;
  for (auto& [name, value] : settings_) out += " " + name + "=" + value;
  out += "\n";
  for (auto& row : rows_) {
    std::string details;
    if (row.samples > 0) details += fmt::format("n={}", row.samples);
    if (row.interval) details += fmt::format(" [{:.4f}, {:.4f}]", row.interval->low, row.interval->high);
    std::string goal = row.goal ? shown(*row.goal) + (row.met() ? "  met" : "  MISSED") : "";
    auto text = fmt::format("  {:<46} {:>12} {:<6} {:<20} {}", row.name, shown(row), row.unit, goal, details);
    text.erase(text.find_last_not_of(' ') + 1);
    out += text + "\n";
  }
  for (auto& line : lines_) out += line + "\n";
  for (auto& what : violations_) out += "VIOLATION: " + what + "\n";
  return out;
}

std::string Report::json(const std::string& scenario) const {
  nlohmann::ordered_json out;
  out["scenario"] = scenario;
  for (auto& [name, value] : settings_) out["settings"][name] = value;
  for (auto& row : rows_) {
    nlohmann::ordered_json figure{{"name", row.name}, {"value", row.value}, {"unit", row.unit}};
    if (row.samples > 0) figure["samples"] = row.samples;
    if (row.interval) figure["interval"] = {row.interval->low, row.interval->high};
    if (row.goal) {
      figure["goal"] = shown(*row.goal);
      figure["met"] = row.met();
    }
    out["figures"].push_back(std::move(figure));
  }
  for (auto& line : lines_) out["lines"].push_back(line);
  for (auto& [name, points] : curves_) out["curves"][name] = points;
  out["violations"] = violations_;
  return out.dump(2) + "\n";
}

std::string Report::svg(const std::string& scenario) const {
  constexpr int width = 640, height = 260, left = 60, top = 30;
  std::string out = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"760\" height=\"{}\" "
      "font-family=\"sans-serif\" font-size=\"12\">\n<title>{}</title>\n",
      (height + 70) * std::max<int>(1, static_cast<int>(curves_.size())), scenario);
  int offset = 0;
  for (auto& [name, points] : curves_) {
    double right = 1e-9, high = 1e-9;
    for (auto& [x, y] : points) right = std::max(right, x), high = std::max(high, y);
    out +=
        fmt::format("<g transform=\"translate({},{})\"><text y=\"-10\">{}</text>", left, offset + top, name);
    out += fmt::format("<path d=\"M0 0V{}H{}\" fill=\"none\" stroke=\"#888\"/>", height, width);
    for (int tick = 0; tick <= 4; ++tick)
      out += fmt::format(
          "<text x=\"{}\" y=\"{}\" text-anchor=\"middle\">{}</text><text x=\"-6\" y=\"{}\" "
          "text-anchor=\"end\">{}</text>",
          width * tick / 4, height + 16, number(right * tick / 4), height - height * tick / 4 + 4,
          number(high * tick / 4));
    out += "<polyline fill=\"none\" stroke=\"#06c\" stroke-width=\"2\" points=\"";
    for (auto& [x, y] : points)
      out += fmt::format("{:.1f},{:.1f} ", x / right * width, height - y / high * height);
    out += "\"/></g>\n";
    offset += height + 70;
  }
  return out + "</svg>\n";
}

}  // namespace conclave::sim
