/// Shapley values: known games, efficiency, dummies, symmetry, and closed forms on average heads.
#include <catch2/catch.hpp>

#include <kashi/explain/explain.hpp>

using namespace kashi;
using explain::Absent;
using explain::Worth;

namespace {

/// The worths of a game's walk and of all its coalitions, from a function of the members' bits.
template <class F>
explain::ShapleyWalk walk_of(F worth) {
  return [worth](std::span<const Index> order) {
    std::size_t mask = 0;
    std::vector<double> out{worth(mask)};
    for (const Index player : order) out.push_back(worth(mask |= std::size_t{1} << player));
    return out;
  };
}

template <class F>
std::vector<double> exact(Index players, F worth) {
  std::vector<double> worths;
  for (std::size_t mask = 0; mask < std::size_t{1} << players; ++mask) worths.push_back(worth(mask));
  return explain::shapley_exact(worths);
}

const auto majority = [](std::size_t mask) { return std::popcount(mask) >= 2 ? 1.0 : 0.0; };
const auto gloves = [](std::size_t mask) { return (mask & 1) != 0 && (mask & 6) != 0 ? 1.0 : 0.0; };
const auto airport = [](std::size_t mask) {
  return (mask & 4) != 0 ? 3.0 : (mask & 2) != 0 ? 2.0 : (mask & 1) != 0 ? 1.0 : 0.0;
};

/// Not linear, no average: the general way. "0" is the map.
nn::Sequential<double> crossed_net(Index places, Index channels) {
  return nn::Sequential<double>{nn::Identity<double>(), nn::Flatten<double>(),
                                nn::Linear<double>({.in = places * channels, .out = 8}), nn::Tanh<double>(),
                                nn::Linear<double>({.in = 8, .out = 3})};
}

}  // namespace

TEST_CASE("Shapley values of small games are the textbook's") {
  const auto a = exact(3, majority), b = exact(3, gloves), c = exact(3, airport);
  for (const double value : a) CHECK(value == Approx(1.0 / 3));
  CHECK(b[0] == Approx(2.0 / 3));
  CHECK(b[1] == Approx(1.0 / 6));
  CHECK(b[2] == Approx(1.0 / 6));
  CHECK(c[0] == Approx(1.0 / 3));
  CHECK(c[1] == Approx(5.0 / 6));
  CHECK(c[2] == Approx(11.0 / 6));
  CHECK_THROWS_AS(explain::shapley_exact(std::vector<double>(3)), ValueError);
}

TEST_CASE("Sampled values come near the exact ones, within their standard errors") {
  const auto estimate =
      explain::shapley_sampled(3, walk_of(airport), {.permutations = 4000, .antithetic = GENERATE(false, true)});
  const auto wanted = exact(3, airport);
  for (std::size_t i = 0; i < 3; ++i) {
    CHECK(estimate.standard_errors[i] < 0.02);
    CHECK(std::abs(estimate.values[i] - wanted[i]) < 4 * estimate.standard_errors[i] + 1e-12);
  }
}

TEST_CASE("A linear game is known after one order") {
  const auto linear = [](std::size_t mask) {
    return 2.0 * static_cast<double>(mask & 1) - 3.0 * static_cast<double>(mask >> 1 & 1) + 5;
  };
  const auto estimate = explain::shapley_sampled(2, walk_of(linear), {.permutations = 1, .antithetic = false});
  CHECK(estimate.values[0] == Approx(2));
  CHECK(estimate.values[1] == Approx(-3));
  CHECK_THROWS_WITH(explain::shapley_sampled(2, walk_of(linear), {.permutations = 3}),
                    Catch::Matchers::Contains("pairs"));
}

TEST_CASE("The values of every sample sum to the worth of all minus that of none") {
  manual_seed(1);
  auto net = crossed_net(6, 2);
  const auto image = random::Generator(2).uniform<double>({2, 3, 2}, 0, 1);
  const auto worth = GENERATE(Worth::probability, Worth::score);
  const auto absent = GENERATE(Absent::mean, Absent::zero);
  const auto exact_map = explain::shap_cam(net, "0", image, 1, {.absent = absent, .worth = worth, .exact = true});
  const double total = sum(exact_map.raw).item();
  for (const std::uint64_t seed : {1u, 2u, 3u}) {
    const auto map = explain::shap_cam(
        net, "0", image, 1,
        {.permutations = 1, .antithetic = false, .absent = absent, .worth = worth, .batch = 4, .seed = seed});
    CHECK(sum(map.raw).item() == Approx(total).margin(1e-12));
  }
  const auto many = explain::shap_cam(net, "0", image, 1, {.permutations = 600, .absent = absent, .worth = worth});
  for (Index i = 0; i < 6; ++i)
    CHECK(std::abs(many.raw.data()[i] - exact_map.raw.data()[i]) < 5 * many.standard_error.data()[i] + 1e-12);
}

TEST_CASE("A place like the mean gets nothing in any sample, and equal places get the same") {
  manual_seed(3);
  // Linear in the sum of places: symmetric, so equal places count alike.
  nn::Sequential<double> net{nn::Identity<double>(), nn::Lambda<double>([](const Variable<double>& x) {
                               return tanh(sum(x, {1, 2}) * 0.1);
                             }),
                             nn::Linear<double>({.in = 2, .out = 2})};
  Tensor<double> image = random::Generator(4).uniform<double>({1, 5, 2}, 0, 1);
  for (Index k = 0; k < 2; ++k) {
    image.at(0, 1, k) = image(0, 0, k);
    image.at(0, 4, k) =
        (image(0, 0, k) + image(0, 1, k) + image(0, 2, k) + image(0, 3, k)) / 4;  // the mean of all five
  }
  const auto sampled = explain::shap_cam(net, "0", image, 1, {.permutations = 2});
  CHECK(sampled.raw(0, 4) == Approx(0).margin(1e-14));
  CHECK(sampled.standard_error(0, 4) == Approx(0).margin(1e-14));
  const auto map = explain::shap_cam(net, "0", image, 1, {.exact = true});
  CHECK(map.raw(0, 0) == Approx(map.raw(0, 1)).margin(1e-14));
  CHECK(map.raw(0, 4) == Approx(0).margin(1e-14));
}

TEST_CASE("Behind an average with a linear layer the values are CAM's, without noise") {
  manual_seed(5);
  nn::Sequential<double> net{nn::ReLU<double>(), nn::GlobalAvgPool2d<double>(),
                             nn::Linear<double>({.in = 3, .out = 4})};
  const auto image = random::Generator(6).uniform<double>({3, 4, 3}, -1, 1);
  const auto cam = explain::cam(net, "0", image, 2);
  const auto zero =
      explain::shap_cam(net, "0", image, 2, {.permutations = 2, .absent = Absent::zero, .worth = Worth::score});
  const auto by_mean = explain::shap_cam(net, "0", image, 2, {.permutations = 2, .worth = Worth::score});
  const double average = mean(cam.raw).item();
  for (Index i = 0; i < 12; ++i) {
    CHECK(zero.raw.data()[i] == Approx(cam.raw.data()[i] / 12).margin(1e-12));
    CHECK(by_mean.raw.data()[i] == Approx((cam.raw.data()[i] - average) / 12).margin(1e-12));
    CHECK(by_mean.standard_error.data()[i] == Approx(0).margin(1e-12));
  }
  CHECK(sum(by_mean.raw).item() == Approx(0).margin(1e-12));
  CHECK(sum(zero.raw).item() ==
        Approx(zero.score - dynamic_cast<nn::Linear<double>&>(net.find("2")).bias().value()(2)).margin(1e-12));
}

TEST_CASE("The fast way behind placewise layers and an average gives what the general way gives") {
  manual_seed(7);
  const nn::Conv2d<double> conv({.in = 3, .out = 5});
  nn::Sequential<double> fast{nn::Identity<double>(), nn::Dropout<double>(0.5), conv, nn::ReLU<double>(),
                              nn::GlobalAvgPool2d<double>()};
  nn::Sequential<double> general{nn::Identity<double>(),
                                 nn::Lambda<double>([](const Variable<double>& x) { return x; }), conv,
                                 nn::ReLU<double>(), nn::GlobalAvgPool2d<double>()};
  const auto image = random::Generator(8).uniform<double>({4, 4, 3}, -1, 1);
  const auto a = explain::shap_cam(fast, "0", image, 1, {.permutations = 6}),
             b = explain::shap_cam(general, "0", image, 1, {.permutations = 6});
  const auto all_a = explain::shap_cam(fast, "0", image, 1, {.exact = true}),
             all_b = explain::shap_cam(general, "0", image, 1, {.exact = true});
  for (Index i = 0; i < 16; ++i) {
    CHECK(a.raw.data()[i] == Approx(b.raw.data()[i]).margin(1e-12));
    CHECK(all_a.raw.data()[i] == Approx(all_b.raw.data()[i]).margin(1e-12));
  }
  CHECK_THROWS_WITH(explain::shap_cam(fast, "0", random::Generator(8).uniform<double>({5, 4, 3}), 1, {.exact = true}),
                    Catch::Matchers::Contains("16 places"));
}

TEST_CASE("A hook behind the layer is heeded, also where the fast way would go past it") {
  manual_seed(9);
  const nn::Sequential<double> head{nn::Conv2d<double>({.in = 3, .out = 4})};
  nn::Sequential<double> net{nn::Identity<double>(), head, nn::GlobalAvgPool2d<double>()};
  const auto image = random::Generator(10).uniform<double>({3, 3, 3}, -1, 1);
  const auto plain = explain::shap_cam(net, "0", image, 1, {.permutations = 4, .worth = explain::Worth::score});
  // Squares look at each place by itself, but the library can't know that.
  HookHandle hook =
      net.find("1").register_forward_pre_hook([](const auto&, const Variable<double>& x) { return x * x; });
  const auto hooked = explain::shap_cam(net, "0", image, 1, {.permutations = 4, .worth = explain::Worth::score});
  hook.remove();
  nn::Sequential<double> squared{nn::Identity<double>(),
                                 nn::Lambda<double>([](const Variable<double>& x) { return x * x; }), head,
                                 nn::GlobalAvgPool2d<double>()};
  const auto wanted = explain::shap_cam(squared, "0", image, 1, {.permutations = 4, .worth = explain::Worth::score});
  for (Index i = 0; i < 9; ++i) CHECK(hooked.raw.data()[i] == Approx(wanted.raw.data()[i]).margin(1e-12));
  CHECK_FALSE(allclose(plain.raw, hooked.raw, 1e-3, 1e-9));
}
