#include <catch2/catch.hpp>

#include <cmath>
#include <limits>

#include <kashi/core/broadcast.hpp>
#include <kashi/core/random.hpp>
#include <kashi/core/reduce.hpp>

using namespace kashi;
using Catch::Matchers::Equals;

namespace {

/// Reduces by walking all elements and folding each into its place.
template <class F>
Tensor<Index> plain_reduce(const Tensor<Index>& x, const Axes& axes, Index initial, F&& fold) {
  std::vector<bool> reduced(static_cast<std::size_t>(x.rank()), axes.empty());
  for (const Index axis : axes) reduced[static_cast<std::size_t>(axis < 0 ? axis + x.rank() : axis)] = true;
  std::vector<Index> kept;
  for (int axis = 0; axis < x.rank(); ++axis)
    kept.push_back(reduced[static_cast<std::size_t>(axis)] ? 1 : x.size(axis));
  Tensor<Index> out = Tensor<Index>::full(Shape(std::span<const Index>(kept)), initial);
  for (Index flat = 0; flat < x.numel(); ++flat) {
    Index rest = flat, offset = 0, stride = 1;
    for (int axis = x.rank() - 1; axis >= 0; --axis) {
      const Index i = rest % x.size(axis);
      rest /= x.size(axis);
      if (!reduced[static_cast<std::size_t>(axis)]) offset += i * stride;
      stride *= out.size(axis);
    }
    out.mutable_data()[offset] = fold(out.data()[offset], x.data()[flat]);
  }
  return out;
}

std::vector<Axes> all_axes(int rank) {
  std::vector<Axes> out;
  for (int mask = 0; mask < (1 << rank); ++mask) {
    Axes axes;
    for (int axis = 0; axis < rank; ++axis)
      if (mask & (1 << axis)) axes.push_back(axis % 2 == 0 ? axis : axis - rank);
    out.push_back(axes);
  }
  return out;
}

}  // namespace

TEST_CASE("reductions over every subset of axes agree with plain loops") {
  random::Generator generator(2);
  for (const Shape& shape :
       {Shape{4}, Shape{3, 5}, Shape{2, 3, 4}, Shape{2, 3, 1, 5}, Shape{3, 130, 2}, Shape{}, Shape{2, 100}}) {
    const Tensor<Index> x = (generator.uniform<double>(shape, -50, 50)).to<Index>();
    for (const Axes& axes : all_axes(shape.rank())) {
      INFO(shape << " reduced over " << axes.size() << " axes");
      const auto plus = plain_reduce(x, axes, 0, [](Index a, Index b) { return a + b; });
      const auto top = plain_reduce(x, axes, -1000, [](Index a, Index b) { return std::max(a, b); });
      const auto low = plain_reduce(x, axes, 1000, [](Index a, Index b) { return std::min(a, b); });
      REQUIRE(equal(sum(x, axes, true), plus));
      REQUIRE(equal(max(x, axes, true), top));
      REQUIRE(equal(min(x, axes, true), low));
      REQUIRE(sum(x, axes).to_vector() == plus.to_vector());
      REQUIRE(allclose(mean(x.to<double>(), axes, true),
                       plus.to<double>() / (static_cast<double>(x.numel()) / static_cast<double>(plus.numel()))));
    }
  }
}

TEST_CASE("sums of many floats are accurate") {
  const Tensor<float> tenth = Tensor<float>::full({3000000}, 0.1f);
  CHECK(sum(tenth).item() == Approx(300000.0).epsilon(1e-6));
  CHECK(sum(tenth.reshape({3, 1000000}), {1})(0) == Approx(100000.0).epsilon(1e-6));
  CHECK(sum(tenth.reshape({1000000, 3}), {0})(1) == Approx(100000.0).epsilon(1e-6));
}

TEST_CASE("empty reductions") {
  const Tensor<double> none = Tensor<double>::zeros({0, 3});
  CHECK(sum(none).item() == 0);
  CHECK(sum(none, {0}).to_vector() == std::vector<double>{0, 0, 0});
  CHECK(sum(none, {1}).numel() == 0);
  CHECK(std::isnan(mean(none).item()));
  CHECK_THROWS_WITH(max(none), Equals("max: there are no elements; shape [0,3]"));
}

TEST_CASE("NaN is not lost") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const Tensor<double> x({3}, {1, nan, 2});
  CHECK(std::isnan(max(x).item()));
  CHECK(std::isnan(min(x).item()));
  CHECK(std::isnan(sum(x).item()));
}

TEST_CASE("argmax takes the first of equals") {
  const Tensor<int> x({2, 3}, {1, 5, 5, 7, 2, 7});
  CHECK(argmax(x).to_vector() == std::vector<Index>{1, 0});
  CHECK(argmax(x, 0).to_vector() == std::vector<Index>{1, 0, 1});
  CHECK_THROWS_AS(argmax(x, 2), ShapeError);
}

TEST_CASE("axes are checked") {
  const Tensor<float> x = Tensor<float>::zeros({2, 3});
  CHECK_THROWS_WITH(sum(x, {2}), Equals("sum: axis 2 is not one of the 2 axes of [2,3]"));
  CHECK_THROWS_WITH(sum(x, {1, -1}), Equals("sum: axis -1 is given twice; shape [2,3]"));
}
