#pragma once
/// Which layer each watched slot of a page gets under what the way to the page takes. A pure function.
///
/// Every slot first gets something small, the most important ones first; then the most important is raised as far
/// as it was asked for, then those after it, equals step by step together.
#include <optional>
#include <span>
#include <vector>

#include "crypto/bytes.hpp"

namespace conclave::calls {

struct LayerOffer {
  Byte layer = 0;
  std::uint16_t height = 0;
  double bps = 0;  ///< with all its temporal layers
};

struct LayerWish {
  int rank = 0;                    ///< smaller is more important; equals are raised together
  std::uint16_t height = 0;        ///< as it is shown
  std::vector<LayerOffer> offers;  ///< ascending by layer; empty: its member sends nothing
  std::optional<Byte> now;         ///< what it gets at present: going above asks for a reserve
  Byte temporal_now = 2;
};

struct LayerChoice {
  std::optional<Byte> layer;
  Byte temporal = 2;  ///< highest temporal id that is passed on
  std::uint16_t height = 0;
  double bps = 0;
  bool short_of_bandwidth = false;  ///< more was asked for and offered
  bool short_of_offer = false;      ///< more was asked for than is offered
};

/// Shares of a layer's rate up to each temporal id, of three (L1T3 as browsers divide it).
inline constexpr std::array<double, 3> temporal_share{0.4, 0.6, 1.0};

std::vector<LayerChoice> allocate(std::span<const LayerWish> wishes, double budget_bps);
/// What the wishes would take if there were no limit.
double full_rate(std::span<const LayerWish> wishes);

}  // namespace conclave::calls
