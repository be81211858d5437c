/// The second unit: the same umbrella, and functions that the first one calls.
#include <kashi/kashi.hpp>

#include <catch2/catch.hpp>

#include "second.hpp"

void second::set_threads(int count) { kashi::set_num_threads(count); }

std::string second::version() { return kashi::version(); }

TEST_CASE("the second unit runs a parallel loop") {
  const auto sum = kashi::parallel_reduce(
      kashi::Index{1000}, kashi::Index{10}, kashi::Index{0},
      [](kashi::Index begin, kashi::Index end) { return (end - begin) * (begin + end - 1) / 2; },
      [](kashi::Index total, kashi::Index part) { return total + part; });
  CHECK(sum == 499500);
}
