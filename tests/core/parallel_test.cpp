#include <catch2/catch.hpp>

#include <atomic>
#include <numeric>
#include <thread>

#include <kashi/core/parallel.hpp>

using namespace kashi;
using Catch::Matchers::Equals;

namespace {

/// Restores the number of threads at the end of a test.
struct Threads {
  int before = num_threads();
  ~Threads() { set_num_threads(before); }
};

}  // namespace

TEST_CASE("every index is visited once, in pieces that depend on the grain alone") {
  const Threads restore;
  for (const int threads : {1, 2, 3, 8}) {
    set_num_threads(threads);
    for (const Index n : {0, 1, 7, 64, 1000})
      for (const Index grain : {1, 3, 64, 5000}) {
        std::vector<std::atomic<int>> seen(static_cast<std::size_t>(n));
        std::atomic<int> wrong_pieces{0};
        parallel_for(n, grain, [&](Index begin, Index end) {
          if (begin % grain != 0 || (end - begin != grain && end != n)) ++wrong_pieces;
          for (Index i = begin; i < end; ++i) ++seen[static_cast<std::size_t>(i)];
        });
        CHECK(wrong_pieces == 0);
        for (const auto& count : seen) REQUIRE(count == 1);
      }
  }
}

TEST_CASE("floating-point reductions are the same bits for every thread count") {
  const Threads restore;
  const auto reduce = [](int threads) {
    set_num_threads(threads);
    return parallel_reduce(
        Index{100000}, Index{1000}, 0.0f,
        [](Index begin, Index end) {
          float s = 0;
          for (Index i = begin; i < end; ++i) s += 1.0f / static_cast<float>(i + 1);
          return s;
        },
        [](float a, float b) { return a + b; });
  };
  const float one = reduce(1);
  for (const int threads : {2, 3, 8}) CHECK(reduce(threads) == one);
}

TEST_CASE("an exception in a piece reaches the caller") {
  const Threads restore;
  for (const int threads : {1, 4}) {
    set_num_threads(threads);
    CHECK_THROWS_WITH(parallel_for(100, 1, [](Index begin, Index) { require(begin != 42, "piece 42"); }),
                      Equals("piece 42"));
  }
}

TEST_CASE("a limit holds for its thread and its life") {
  const Threads restore;
  set_num_threads(4);
  {
    const ThreadLimit two(2);
    CHECK(num_threads() == 2);
    {
      const ThreadLimit more(3);
      CHECK(num_threads() == 2);
    }
    int elsewhere = 0;
    std::thread([&] { elsewhere = num_threads(); }).join();
    CHECK(elsewhere == 4);
  }
  CHECK(num_threads() == 4);
  CHECK_THROWS_WITH(set_num_threads(0), Equals("set_num_threads: the number of threads must be at least 1; got 0"));
  CHECK_THROWS_AS(ThreadLimit(0), ValueError);
}

TEST_CASE("a loop inside a loop runs on its thread") {
  const Threads restore;
  set_num_threads(4);
  std::atomic<Index> total{0};
  parallel_for(8, 1,
               [&](Index, Index) { parallel_for(100, 10, [&](Index begin, Index end) { total += end - begin; }); });
  CHECK(total == 800);
}
