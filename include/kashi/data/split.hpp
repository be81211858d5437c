/// Seeded, stratified parts of a dataset: train and test, or folds for cross-validation.
///
/// The size of the test part is ceil((1 - train) n), as scikit-learn rounds it; the permutation is our own (Philox), so
/// the parts differ from those of `train_test_split(random_state=...)`. Three parts: split twice.
#pragma once

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <utility>
#include <vector>

#include <kashi/core/compiled.hpp>
#include <kashi/core/random.hpp>
#include <kashi/data/dataset.hpp>

namespace kashi::inline v0::data {

struct SplitOptions {
  double train = 0.8;       ///< share of the first part, between 0 and 1
  std::uint64_t seed = 42;  ///< same seed, same parts
  bool stratified = true;   ///< every class has the same share in both parts, as nearly as whole examples allow
};

struct KFoldOptions {
  Index folds = 5;
  std::uint64_t seed = 42;
  bool stratified = true;
};

/// Two disjoint parts that make up the whole; both keep the order of the whole.
struct Split {
  Dataset train;
  Dataset test;
};

/// Divides a dataset into two parts.
///
///     auto [train_set, test_set] = data::split(dataset, {.train = 0.8, .seed = 42});
///
/// The test part has ceil((1 - train) n) examples. Throws ValueError if the share is not between 0 and 1, if a part
/// would be empty, or if a class would have no example in the train part.
Split split(const Dataset& dataset, const SplitOptions& options = {});

/// `folds` splits whose test parts are disjoint and make up the whole. Sizes of the test parts differ by one at most.
/// Throws ValueError for fewer than two folds or more folds than examples.
std::vector<Split> k_fold(const Dataset& dataset, const KFoldOptions& options = {});

#if KASHI_HAS_BODIES

namespace detail {

/// The indices of each class (of all examples together unless stratified), each list in random order.
inline std::vector<std::vector<Index>> shuffled_strata(const Dataset& dataset, std::uint64_t seed, bool stratified) {
  std::map<Index, std::vector<Index>> members;
  for (Index i = 0; i < dataset.size(); ++i) members[stratified ? dataset.label(i) : 0].push_back(i);
  random::Generator generator(seed);
  std::vector<std::vector<Index>> out;
  for (const auto& [label, indices] : members) {
    const Tensor<Index> order = generator.permutation(static_cast<Index>(indices.size()));
    std::vector<Index>& stratum = out.emplace_back();
    for (const Index i : order.span()) stratum.push_back(indices[static_cast<std::size_t>(i)]);
  }
  return out;
}

/// How many of each stratum go to the test part: shares by largest remainder, and one example of each stratum stays.
inline std::vector<Index> test_counts(const std::vector<std::vector<Index>>& strata, Index test_size,
                                      Index whole_size) {
  std::vector<Index> counts, by_remainder(strata.size());
  std::vector<double> remainders;
  Index open = test_size;
  for (const auto& stratum : strata) {
    const double exact =
        static_cast<double>(stratum.size()) * static_cast<double>(test_size) / static_cast<double>(whole_size);
    counts.push_back(std::min(static_cast<Index>(exact), static_cast<Index>(stratum.size()) - 1));
    remainders.push_back(exact - static_cast<double>(counts.back()));
    open -= counts.back();
  }
  std::iota(by_remainder.begin(), by_remainder.end(), Index{0});
  std::stable_sort(by_remainder.begin(), by_remainder.end(), [&](Index a, Index b) {
    return remainders[static_cast<std::size_t>(a)] > remainders[static_cast<std::size_t>(b)];
  });
  while (open > 0) {
    const Index before = open;
    for (const Index k : by_remainder) {
      const auto at = static_cast<std::size_t>(k);
      if (open == 0) break;
      if (counts[at] + 1 >= static_cast<Index>(strata[at].size())) continue;
      ++counts[at];
      --open;
    }
    require(open < before, "split: the train part must keep one example of each of the ", strata.size(), " classes; ",
            test_size, " of ", whole_size, " examples were to be tested (hint: .stratified = false)");
  }
  return counts;
}

inline Split split_at(const Dataset& dataset, std::vector<Index> train, std::vector<Index> test) {
  std::sort(train.begin(), train.end());
  std::sort(test.begin(), test.end());
  return {dataset.subset(std::move(train)), dataset.subset(std::move(test))};
}

}  // namespace detail

KASHI_FUNCTION Split split(const Dataset& dataset, const SplitOptions& options) {
  require(options.train > 0.0 && options.train < 1.0, "split: train must lie between 0 and 1; got ", options.train);
  const Index size = dataset.size();
  // 1 - 0.7 is a little more than 0.3: without the small slack ten examples would give a test part of four.
  const auto test_size = static_cast<Index>(std::ceil((1.0 - options.train) * static_cast<double>(size) - 1e-6));
  require(test_size >= 1 && test_size < size, "split: both parts need an example; ", options.train, " of ", size,
          " examples leaves one empty");
  const auto strata = detail::shuffled_strata(dataset, options.seed, options.stratified);
  const auto counts = detail::test_counts(strata, test_size, size);
  std::vector<Index> train, test;
  for (std::size_t k = 0; k < strata.size(); ++k) {
    test.insert(test.end(), strata[k].begin(), strata[k].begin() + counts[k]);
    train.insert(train.end(), strata[k].begin() + counts[k], strata[k].end());
  }
  return detail::split_at(dataset, std::move(train), std::move(test));
}

KASHI_FUNCTION std::vector<Split> k_fold(const Dataset& dataset, const KFoldOptions& options) {
  const Index size = dataset.size();
  require(options.folds >= 2 && options.folds <= size,
          "k_fold: folds must lie between 2 and the number of examples; got ", options.folds, " folds of ", size,
          " examples");
  std::vector<std::vector<Index>> parts(static_cast<std::size_t>(options.folds));
  Index next = 0;  // dealing on from class to class keeps the parts equally large
  for (const auto& stratum : detail::shuffled_strata(dataset, options.seed, options.stratified))
    for (const Index i : stratum) parts[static_cast<std::size_t>(next++ % options.folds)].push_back(i);
  std::vector<Split> out;
  for (const auto& test : parts) {
    std::vector<Index> train;
    for (const auto& part : parts)
      if (&part != &test) train.insert(train.end(), part.begin(), part.end());
    out.push_back(detail::split_at(dataset, std::move(train), test));
  }
  return out;
}

#endif

}  // namespace kashi::inline v0::data
