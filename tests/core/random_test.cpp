#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>

#include <kashi/core/broadcast.hpp>
#include <kashi/core/manipulate.hpp>
#include <kashi/core/random.hpp>

using namespace kashi;

TEST_CASE("Philox4x32-10 gives the published answers") {
  // Known-answer vectors of the Random123 distribution: counter and key all zeros, and all ones.
  const auto zeros = random::Philox(0, 0).block(0);
  CHECK(zeros == std::array<std::uint32_t, 4>{0x6627e8d5u, 0xe169c58du, 0xbc57ac4cu, 0x9b00dbd8u});
  const auto ones = random::Philox(~std::uint64_t{0}, ~std::uint64_t{0}).block(~std::uint64_t{0});
  CHECK(ones == std::array<std::uint32_t, 4>{0x408f276du, 0x41c83b0eu, 0xa20bc7c6u, 0x6d5451fdu});
}

TEST_CASE("equal seeds and calls give equal numbers, on any number of threads") {
  const int threads = num_threads();
  const auto draw = [](int count) {
    set_num_threads(count);
    random::Generator generator(5);
    return concat<float>({generator.uniform<float>({20001}), generator.normal<float>({20001}),
                          generator.bernoulli<float>({20001}, 0.3)});
  };
  const Tensor<float> one = draw(1);
  for (const int count : {2, 3, 8}) CHECK(equal(draw(count), one));
  set_num_threads(threads);
  random::Generator other(6);
  CHECK_FALSE(equal(other.uniform<float>({20001}), one.slice(0, 20001)));
}

TEST_CASE("a generator's state brings back what follows") {
  random::Generator generator(7);
  static_cast<void>(generator.uniform<float>({3}));
  const auto state = generator.state();
  const Tensor<float> first = generator.normal<float>({5});
  generator.set_state(state);
  CHECK(equal(generator.normal<float>({5}), first));
}

TEST_CASE("distributions have the right moments") {
  random::Generator generator(8);
  constexpr Index count = 200000;
  const auto moments = [](const Tensor<double>& x) {
    double mean = 0, square = 0;
    for (const double v : x.span()) mean += v;
    mean /= count;
    for (const double v : x.span()) square += (v - mean) * (v - mean);
    return std::pair(mean, square / count);
  };
  const auto [uniform_mean, uniform_variance] = moments(generator.uniform<double>({count}, -1, 3));
  CHECK(uniform_mean == Approx(1).margin(0.01));
  CHECK(uniform_variance == Approx(16.0 / 12).margin(0.02));
  const auto [normal_mean, normal_variance] = moments(generator.normal<double>({count}, 2, 3));
  CHECK(normal_mean == Approx(2).margin(0.03));
  CHECK(normal_variance == Approx(9).margin(0.15));
  const auto [hits, hit_variance] = moments(generator.bernoulli<double>({count}, 0.25));
  CHECK(hits == Approx(0.25).margin(0.005));
  CHECK(hit_variance == Approx(0.1875).margin(0.005));
  for (const double v : generator.uniform<double>({1000}).span()) REQUIRE((v >= 0 && v < 1));
  CHECK_THROWS_AS(generator.bernoulli<float>({1}, 1.5), ValueError);
}

TEST_CASE("a permutation holds every number once and moves them") {
  random::Generator generator(9);
  std::vector<Index> order = generator.permutation(1000).to_vector();
  Index fixed = 0;
  for (std::size_t i = 0; i < order.size(); ++i) fixed += order[i] == static_cast<Index>(i);
  CHECK(fixed < 10);
  std::sort(order.begin(), order.end());
  for (std::size_t i = 0; i < order.size(); ++i) REQUIRE(order[i] == static_cast<Index>(i));
  CHECK(generator.permutation(0).numel() == 0);
}

TEST_CASE("each place of a small permutation is equally likely") {
  random::Generator generator(10);
  std::array<int, 3> first{};
  for (int i = 0; i < 3000; ++i) ++first[static_cast<std::size_t>(generator.permutation(3)(0))];
  for (const int count : first) CHECK(count == Approx(1000).margin(120));
}
