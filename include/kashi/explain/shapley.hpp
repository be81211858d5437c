/// Shapley values of a cooperative game (Shapley 1953): exact for few players, sampled for many.
///
/// A player's value is the mean, over all orders in which the players may join, of what its joining adds to the worth.
/// The values' sum is the worth of all players minus that of none (efficiency), for every single order and so for every
/// sample.
#pragma once

#include <bit>
#include <cmath>
#include <functional>
#include <span>
#include <vector>

#include <kashi/core/random.hpp>

namespace kashi::inline v0::explain {

/// Exact values from the worths of all 2^n coalitions: `worths[mask]`, player i being in the coalition if bit i of the
/// mask is set. Throws ValueError unless their number is a power of two up to 2^24.
template <class = void>
inline std::vector<double> shapley_exact(std::span<const double> worths) {
  const std::size_t coalitions = worths.size();
  require(std::has_single_bit(coalitions) && coalitions <= (std::size_t{1} << 24),
          "shapley_exact: 2^n worths are needed, n up to 24; got ", coalitions);
  const auto players = static_cast<std::size_t>(std::bit_width(coalitions) - 1);
  std::vector<double> share(players + 1, 0.0);  // |S|! (n - |S| - 1)! / n! = 1 / (n binomial(n - 1, |S|))
  double binomial = 1;
  for (std::size_t size = 0; size < players; ++size) {
    share[size] = 1 / (static_cast<double>(players) * binomial);
    binomial = binomial * static_cast<double>(players - 1 - size) / static_cast<double>(size + 1);
  }
  std::vector<double> values(players, 0.0);
  for (std::size_t mask = 0; mask < coalitions; ++mask)
    for (std::size_t i = 0; i < players; ++i)
      if ((mask >> i & 1) == 0)
        values[i] +=
            share[static_cast<std::size_t>(std::popcount(mask))] * (worths[mask | std::size_t{1} << i] - worths[mask]);
  return values;
}

struct ShapleyOptions {
  Index permutations = 20;  ///< orders drawn; with .antithetic an even number
  bool antithetic = true;   ///< every second order is the one before it backwards, which makes the estimate steadier
  std::uint64_t seed = 42;
};

/// Sampled values with their standard errors.
struct ShapleyEstimate {
  std::vector<double> values;
  std::vector<double>
      standard_errors;  ///< from the spread of the orders (pairs of them when antithetic); 0 for a single one
};

/// The worths along one order: `order` lists the players as they join; the answer holds n + 1 worths, from none to all.
using ShapleyWalk = std::function<std::vector<double>(std::span<const Index> order)>;

/// Estimates the values of n players by walking along random orders (Castro et al. 2009): unbiased, n + 1 worths an
/// order. Throws ValueError for a number of orders below 1, or an odd one with .antithetic.
template <class = void>
inline ShapleyEstimate shapley_sampled(Index players, const ShapleyWalk& walk, const ShapleyOptions& options = {}) {
  require(options.permutations >= 1, "shapley_sampled: .permutations must be at least 1; got ", options.permutations);
  require(!options.antithetic || options.permutations % 2 == 0,
          "shapley_sampled: antithetic orders come in pairs; got .permutations = ", options.permutations);
  const auto n = static_cast<std::size_t>(players);
  const Index together = options.antithetic ? 2 : 1, samples = options.permutations / together;
  random::Generator generator(options.seed);
  std::vector<double> mean(n, 0.0), spread(n, 0.0), sample(n);
  for (Index s = 0; s < samples; ++s) {
    std::vector<Index> order = generator.permutation(players).to_vector();
    std::fill(sample.begin(), sample.end(), 0.0);
    for (Index pass = 0; pass < together; ++pass) {
      const std::vector<double> worths = walk(order);
      require<ShapeError>(worths.size() == n + 1, "shapley_sampled: a walk gives ", n + 1, " worths; got ",
                          worths.size());
      for (std::size_t step = 0; step < n; ++step)
        sample[static_cast<std::size_t>(order[step])] +=
            (worths[step + 1] - worths[step]) / static_cast<double>(together);
      std::reverse(order.begin(), order.end());
    }
    for (std::size_t i = 0; i < n; ++i) {  // Welford's running mean and spread
      const double before = sample[i] - mean[i];
      mean[i] += before / static_cast<double>(s + 1);
      spread[i] += before * (sample[i] - mean[i]);
    }
  }
  ShapleyEstimate out{mean, std::vector<double>(n, 0.0)};
  if (samples > 1)
    for (std::size_t i = 0; i < n; ++i)
      out.standard_errors[i] = std::sqrt(spread[i] / static_cast<double>(samples - 1) / static_cast<double>(samples));
  return out;
}

}  // namespace kashi::inline v0::explain
