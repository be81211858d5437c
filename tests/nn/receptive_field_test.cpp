/// KASHI_RANDOM_NETWORKS=5000 tries so many random networks, and all of their units.
#include <cstdlib>

#include <kashi/nn/summary.hpp>

#include "nn/random_network.hpp"

using namespace kashi;

namespace {

using Unit = std::array<Index, 2>;

/// The rows and columns of the image that the gradient of each unit reaches, as intervals. Every unit has an image of
/// its own in a batch, so one backward pass serves all.
std::vector<std::array<nn::Interval, 2>> support(const std::function<Variable<double>(const Variable<double>&)>& f,
                                                 const Shape& input, const std::vector<Unit>& units) {
  const auto count = static_cast<Index>(units.size());
  Variable<double> x = parameter(Tensor<double>::ones({count, input[1], input[2], input[3]}));
  const Variable<double> y = f(x);
  Tensor<double> weights = Tensor<double>::zeros(y.shape());
  for (Index i = 0; i < count; ++i)
    for (Index c = 0; c < y.size(3); ++c) {
      const auto [row, column] = units[static_cast<std::size_t>(i)];
      weights.at(i, row, column, c) = 1.0;
    }
  y.backward(weights);
  std::vector<std::array<nn::Interval, 2>> seen(units.size());
  const double* gradient = x.grad().data();
  for (auto& box : seen)
    for (Index h = 0; h < input[1]; ++h)
      for (Index w = 0; w < input[2]; ++w)
        for (Index c = 0; c < input[3]; ++c)
          if (*gradient++ != 0.0) box = {box[0].joined({h, h}), box[1].joined({w, w})};
  return seen;
}

std::vector<Unit> all_units(const Shape& map) {
  std::vector<Unit> units;
  for (Index row = 0; row < map[1]; ++row)
    for (Index column = 0; column < map[2]; ++column) units.push_back({row, column});
  return units;
}

/// The corners, and others at random.
std::vector<Unit> some_units(const Shape& map, unsigned seed, std::size_t count) {
  std::vector<Unit> units;
  for (const Index row : {Index{0}, map[1] - 1})
    for (const Index column : {Index{0}, map[2] - 1}) units.push_back({row, column});
  std::mt19937 choice(seed);
  while (units.size() < count)
    units.push_back({static_cast<Index>(choice()) % map[1], static_cast<Index>(choice()) % map[2]});
  return units;
}

}  // namespace

TEST_CASE("the receptive field of every unit is the support of its gradient, in 200 random networks") {
  const char* wanted = std::getenv("KASHI_RANDOM_NETWORKS");
  const unsigned networks = wanted != nullptr ? static_cast<unsigned>(std::atoi(wanted)) : 200;
  std::size_t checked = 0, unlike = 0;
  for (unsigned seed = 0; seed < networks; ++seed) {
    RandomNetwork random(seed);
    const nn::Summary summary = nn::summary(random.net(), random.input());
    const nn::LayerSummary& last = summary.layers.back();
    INFO("network " << seed << "\n" << summary.to_string());
    REQUIRE(last.rows->units() == last.output[1]);
    REQUIRE(last.columns->units() == last.output[2]);
    const std::vector<Unit> units = wanted != nullptr ? all_units(last.output) : some_units(last.output, seed, 16);
    const auto seen = support([&](const Variable<double>& x) { return random.net()(x); }, random.input(), units);
    for (std::size_t i = 0; i < units.size(); ++i) {
      const auto [row, column] = units[i];
      const auto expected = last.sees(row, column);
      INFO("unit " << row << ", " << column << " sees rows " << seen[i][0].first << ".." << seen[i][0].last
                   << ", columns " << seen[i][1].first << ".." << seen[i][1].last << "; said: rows "
                   << expected[0].first << ".." << expected[0].last << ", columns " << expected[1].first << ".."
                   << expected[1].last);
      CHECK(expected == seen[i]);
      CHECK(last.rows->inside(row).joined(expected[0]) == last.rows->inside(row));
      CHECK(last.columns->inside(column).joined(expected[1]) == last.columns->inside(column));
      ++checked;
      unlike += last.boxes.size() > 1 ? 1 : 0;
    }
  }
  if (wanted != nullptr) WARN(networks << " networks, " << checked << " units");
  CHECK(unlike > checked / 20);
}

namespace {

Variable<double> positive_conv(const Variable<double>& x, Index kernel, const kashi::Conv2dOptions& options = {}) {
  return conv2d(x, Variable<double>(Tensor<double>::ones({2, kernel, kernel, x.size(3)})), Variable<double>(), options);
}

/// Every unit of the output sees what its gradient reaches.
void check_all_units(const char* what, const Shape& input,
                     const std::function<Variable<double>(const Variable<double>&)>& f) {
  FunctionModule net(f);
  const nn::LayerSummary last = nn::summary(net, input).layers.back();
  const std::vector<Unit> units = all_units(last.output);
  const auto seen = support(f, input, units);
  for (std::size_t i = 0; i < units.size(); ++i) {
    INFO(what << ", unit " << units[i][0] << ", " << units[i][1]);
    CHECK(last.sees(units[i][0], units[i][1]) == seen[i]);
  }
}

}  // namespace

TEST_CASE("fields of networks that are functions: excitation, skips over odd sizes, one value for all") {
  check_all_units("squeeze and excitation", {1, 6, 7, 2}, [](const Variable<double>& x) {
    const Variable<double> y = positive_conv(x, 3, {.padding = 1});
    return y * positive_conv(mean(y, {1, 2}, true), 1);
  });
  check_all_units("a skip from a larger map, cut", {1, 9, 7, 2}, [](const Variable<double>& x) {
    const Variable<double> inner =
        resize(avg_pool2d(x, {.kernel = 2, .ceil_mode = true}), {9, 7}, {.mode = ResizeMode::bilinear});
    return positive_conv(concat({x, inner}, 3), 3, {.padding = kernels::Padding(0, 2, 1, 0)});
  });
  check_all_units("maps below and beside each other, with a constant between", {1, 6, 5, 2},
                  [](const Variable<double>& x) {
                    const Variable<double> zeros(Tensor<double>::zeros({x.size(0), 2, 5, 2}));
                    const Variable<double> low = positive_conv(x, 3, {.padding = 1});
                    const Variable<double> tall = concat({x, zeros, low}, 1);
                    return concat({positive_conv(tall, 3, {.padding = 1}), positive_conv(tall, 1)}, 2);
                  });
  check_all_units("a map and what sees only its border of zeros", {1, 7, 7, 2}, [](const Variable<double>& x) {
    return positive_conv(concat({x, narrow(narrow(positive_conv(x, 1, {.padding = 2}), 1, 0, 7), 2, 4, 11)}, 3), 2);
  });
  check_all_units("a branch of one value", {1, 5, 6, 2}, [](const Variable<double>& x) {
    return narrow(x, 1, 1, 4) + mean(narrow(x, 1, 3, 5), {1, 2}, true);
  });
}

TEST_CASE("plain windows follow the textbook's recursion") {
  const auto image = nn::AxisField::pixels(100);
  const auto first = image.window(49, 3, 2, 1, 0);  // r 3, j 2
  CHECK(first.size() == 3);
  CHECK(first.jump() == 2);
  const auto second = first.window(45, 3, 1, 2, 0);  // r 3 + 4 * 2
  CHECK(second.size() == 11);
  CHECK(second.jump() == 2);
  CHECK(second.centre() == 5.0);
  CHECK(second.nominal(1) == nn::Interval{2, 12});
  const auto padded = image.window(100, 7, 1, 1, 3);
  CHECK(padded.start() == -3);
  CHECK(padded.centre() == 0.0);
  CHECK(padded.size() == 7);
  CHECK(padded.inside(0) == nn::Interval{0, 3});
  CHECK(padded.inside(99) == nn::Interval{96, 99});
}

TEST_CASE("transposed windows enlarge, and every phase has its own field") {
  const auto image = nn::AxisField::pixels(10);
  const auto twice = image.transposed_window(20, 2, 2, 1, 0);
  CHECK(twice.size() == 1);
  CHECK(twice.jump() == 0.5);
  CHECK(twice.inside(7) == nn::Interval{3, 3});
  const auto wide = image.transposed_window(21, 3, 2, 1, 0);
  CHECK(wide.size() == 2);
  CHECK(wide.nominal(0) == nn::Interval{-1, 0});
  CHECK(wide.nominal(1) == nn::Interval{0, 0});
  CHECK(wide.window(19, 3, 1, 1, 0).size() == 3);
}

TEST_CASE("units that a stride leaves over are not covered") {
  const auto image = nn::AxisField::pixels(10);
  CHECK(image.window(3, 3, 3, 1, 0).covered() == nn::Interval{0, 8});
  CHECK(image.window(3, 3, 3, 1, 0).reduced().inside(0) == nn::Interval{0, 8});
}

TEST_CASE("branches join; other jumps and other centres are told") {
  TwoBranches both;
  both.left = std::make_shared<nn::Conv2d<double>>(nn::Conv2dOptions{.in = 1, .out = 1, .kernel = 3, .padding = 1});
  both.right =
      std::make_shared<nn::Conv2d<double>>(nn::Conv2dOptions{.in = 1, .out = 1, .kernel = 2, .padding = nn::same});
  const nn::Summary summary = nn::summary(both, {1, 8, 8, 1});
  const nn::LayerSummary& sum = summary.layers.back();
  CHECK(sum.kind == "add");
  CHECK(sum.rows->size() == 3);
  REQUIRE(sum.notes.size() == 2);
  CHECK(sum.notes[0] == "rows: the branches' centres lie 0.5 pixels apart");

  both.right = std::make_shared<nn::Conv2d<double>>(
      nn::Conv2dOptions{.in = 1, .out = 1, .kernel = 1, .stride = 2, .padding = Padding(4)});
  const nn::Summary jumps = nn::summary(both, {1, 8, 8, 1});
  REQUIRE_FALSE(jumps.layers.back().notes.empty());
  CHECK(jumps.layers.back().notes[0] == "rows: branches with jumps 1 and 2 meet");
}
