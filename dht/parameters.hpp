#pragma once
/// What the DHT may do and how much of it. Every defence has a switch, so that a simulation can say what it
/// is worth; a node runs with the defaults. Why each value: docs/dht.md.
#include "crypto/time.hpp"

#include <cstddef>

namespace conclave::dht {

using namespace std::chrono_literals;

struct Parameters {
  // Kademlia.
  unsigned k = 20;      ///< entries of a bucket, contacts of an answer, holders of an entry
  unsigned alpha = 10;  ///< questions of one lookup under way at a time
  unsigned beta = 3;    ///< a path ends when its nearest so many have answered

  // Disjoint paths (Baumgart and Mies, S/Kademlia, 2007).
  unsigned paths = 4;
  unsigned paths_max = 8;  ///< when the answers do not look right; equal to `paths` switches it off
  /// An answer may bring a search nearer by at most this many bits: with k = 20 an honest one brings 4.3 on
  /// average. What claims to be nearer is not followed from so far away. 0: no limit.
  int leap_bits_max = 6;
  /// Ask about the rim of what was found where some of the nearest are dead (Lookup::rim).
  bool rim = true;
  /// A found set whose k-th is further than this times the estimated radius of k means that the real ones
  /// were hidden. 0: not checked.
  double sparse_max = 2.0;

  // Time.
  Duration patience_min = 100ms;  ///< nobody answers sooner than the Internet lets him
  Duration patience_max = 1s;
  Duration deadline = 1500ms;  ///< of a question: a repeated one is answered within this, or never

  // Diversity. Entries of one network in a bucket, in a table, and questions of a lookup.
  bool diversity = true;
  unsigned near_bucket_max = 2;
  unsigned near_table_max = 3;
  unsigned near_lookup_max = 3;
  unsigned wide_bucket_max = 4;
  unsigned wide_table_max = 8;
  /// Of a table that is not large a wide network gets this share, but no less than a near one: eight entries
  /// are a tenth of the table of a small network.
  double wide_table_share = 0.04;

  // Tables.
  bool verify = true;         ///< only who has answered us enters
  bool prefer_old = true;     ///< a full bucket admits nobody while its entries live
  bool prefer_near = true;    ///< of the younger half, the slowest gives way to one at least twice as fast
  bool tried_new = true;      ///< heard contacts wait in a table that one source cannot fill
  bool anchors = true;        ///< the oldest acquaintances are asked first after a restart
  unsigned failures_max = 2;  ///< so many questions in a row unanswered, and an entry goes
  std::size_t newcomers_max = 64;

  // Meeting points.
  bool region = true;  ///< puts and reads go to all nodes nearer than the radius of k, not to k of them
  double region_margin = 1.15;  ///< on the estimated radius: the estimate is 10 % off at times
  std::size_t region_asks_max = 320;
  std::size_t publishers_max = 32;      ///< per meeting point
  std::size_t publishers_near_max = 2;  ///< of them from one network
  std::size_t records_max = 4096;       ///< per node: 5 MB at most
  std::size_t records_wide_max = 256;   ///< of them from one wide network
  bool fair_stores = true;              ///< in a full store the wide network with most entries gives way
  std::chrono::milliseconds life_max =
      50h;  ///< two days and an hour (crypto/meeting_point.hpp), and clocks are off

  // Upkeep.
  bool upkeep = true;                 ///< off: a still world, in which only operations ask
  Duration probe_near_every = 30min;  ///< each entry near ourselves is heard from once in this
  Duration probe_far_every = 90min;   ///< and each other
  Duration neighbours_every = 60min;  ///< the search for our own position
  Duration bucket_every = 60min;      ///< a bucket with room is refilled by a question
  Duration republish_every = 120min;
  Duration upkeep_gap = 2s;  ///< between two questions of upkeep: the idle budget
};

}  // namespace conclave::dht
