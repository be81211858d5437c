#include <functional>

#include <kashi/nn/summary.hpp>

#include "nn/random_network.hpp"

using namespace kashi;

namespace {

/// Rows and columns of the image that a unit's gradient reaches, as intervals.
std::array<nn::Interval, 2> support(const Variable<double>& x, const Variable<double>& y, Index row, Index column) {
  Tensor<double> weights = Tensor<double>::zeros(y.shape());
  for (Index c = 0; c < y.size(3); ++c) weights.at(0, row, column, c) = 1.0;
  Variable<double> leaf = x;
  leaf.zero_grad();
  y.backward(weights, {.retain_graph = true});
  std::array<nn::Interval, 2> seen;
  for (Index h = 0; h < x.size(1); ++h)
    for (Index w = 0; w < x.size(2); ++w)
      for (Index c = 0; c < x.size(3); ++c)
        if (leaf.grad()(0, h, w, c) != 0.0) {
          seen[0] = seen[0].joined({h, h});
          seen[1] = seen[1].joined({w, w});
        }
  return seen;
}

}  // namespace

TEST_CASE("the receptive field of every unit is the support of its gradient, in 200 random networks") {
  for (unsigned seed = 0; seed < 200; ++seed) {
    RandomNetwork random(seed);
    const nn::Summary summary = nn::summary(random.net(), random.input());
    const nn::LayerSummary& last = summary.layers.back();
    const Variable<double> x = parameter(Tensor<double>::ones(random.input()));
    const Variable<double> y = random.net()(x);
    INFO("network " << seed << "\n" << summary.to_string());
    REQUIRE(last.output == y.shape());
    REQUIRE(last.rows->units() == y.size(1));
    REQUIRE(last.columns->units() == y.size(2));
    std::mt19937 choice(seed);
    for (int i = 0; i < 3; ++i) {
      const Index row = i == 0 ? 0 : i == 1 ? y.size(1) - 1 : static_cast<Index>(choice()) % y.size(1);
      const Index column = i == 0 ? 0 : i == 1 ? y.size(2) - 1 : static_cast<Index>(choice()) % y.size(2);
      const auto [rows, columns] = support(x, y, row, column);
      // A unit that sees nothing along one axis sees no pixel at all.
      const nn::Interval expected_rows = last.rows->inside(row), expected_columns = last.columns->inside(column);
      INFO("unit " << row << ", " << column);
      if (expected_rows.empty() || expected_columns.empty()) {
        CHECK((rows.empty() && columns.empty()));
        continue;
      }
      CHECK(rows.first == expected_rows.first);
      CHECK(rows.last == expected_rows.last);
      CHECK(columns.first == expected_columns.first);
      CHECK(columns.last == expected_columns.last);
      CHECK(last.rows->nominal(row).joined(expected_rows) == last.rows->nominal(row));
    }
  }
}

namespace {

/// A network that is a function, with positive weights for its convolutions.
struct Function : nn::Module<double> {
  std::function<Variable<double>(const Variable<double>&)> f;
  explicit Function(std::function<Variable<double>(const Variable<double>&)> function) : f(std::move(function)) {}
  Variable<double> forward(const Variable<double>& x) const override { return f(x); }
};

Variable<double> positive_conv(const Variable<double>& x, Index kernel, const kashi::Conv2dOptions& options = {}) {
  return conv2d(x, Variable<double>(Tensor<double>::ones({2, kernel, kernel, x.size(3)})), Variable<double>(), options);
}

/// Every unit of the output sees what its gradient reaches.
void check_all_units(const char* what, const Shape& input,
                     const std::function<Variable<double>(const Variable<double>&)>& f) {
  Function net(f);
  const nn::LayerSummary last = nn::summary(net, input).layers.back();
  const Variable<double> x = parameter(Tensor<double>::ones(input));
  const Variable<double> y = f(x);
  REQUIRE(last.rows->units() == y.size(1));
  for (Index row = 0; row < y.size(1); ++row)
    for (Index column = 0; column < y.size(2); ++column) {
      const auto [rows, columns] = support(x, y, row, column);
      INFO(what << ", unit " << row << ", " << column);
      CHECK(last.rows->inside(row) == rows);
      CHECK(last.columns->inside(column) == columns);
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
