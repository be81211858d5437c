#include <catch2/catch.hpp>

#include <cmath>
#include <limits>

#include <kashi/core/broadcast.hpp>
#include <kashi/core/random.hpp>

using namespace kashi;
using Catch::Matchers::Equals;

namespace {

/// The value that broadcasting takes for one position of the result, found by walking the axes.
double broadcast_at(const Tensor<double>& x, const Shape& shape, Index flat) {
  std::vector<Index> position(static_cast<std::size_t>(shape.rank()));
  for (int axis = shape.rank() - 1; axis >= 0; --axis) {
    position[static_cast<std::size_t>(axis)] = flat % shape[axis];
    flat /= shape[axis];
  }
  Index offset = 0;
  for (int axis = 0; axis < x.rank(); ++axis) {
    const Index i = position[static_cast<std::size_t>(axis + shape.rank() - x.rank())];
    offset = offset * x.size(axis) + (x.size(axis) == 1 ? 0 : i);
  }
  return x.data()[offset];
}

}  // namespace

TEST_CASE("broadcasting agrees with walking the axes") {
  random::Generator generator(1);
  const std::vector<std::pair<Shape, Shape>> pairs = {
      {{3, 4}, {4}},    {{3, 1}, {1, 4}},          {{2, 3, 4}, {3, 1}}, {{}, {2, 2}},       {{5}, {}},
      {{1}, {1, 1, 1}}, {{2, 1, 3, 1}, {4, 1, 5}}, {{0, 3}, {3}},       {{7, 300}, {7, 1}}, {{200, 400}, {400}}};
  for (const auto& [a_shape, b_shape] : pairs) {
    const Tensor<double> a = generator.normal<double>(a_shape), b = generator.normal<double>(b_shape);
    for (const auto& [x, y] : {std::pair(a, b), std::pair(b, a)}) {
      const Tensor<double> out = x - y;
      INFO(a_shape << " and " << b_shape);
      REQUIRE(out.shape() == broadcast_shape(a_shape, b_shape));
      for (Index i = 0; i < out.numel(); ++i)
        REQUIRE(out.data()[i] == broadcast_at(x, out.shape(), i) - broadcast_at(y, out.shape(), i));
      const Tensor<double> wide = broadcast_to(x, out.shape());
      for (Index i = 0; i < out.numel(); ++i) REQUIRE(wide.data()[i] == broadcast_at(x, out.shape(), i));
    }
  }
}

TEST_CASE("numbers mix with tensors on either side") {
  const Tensor<float> a({3}, {1, 2, 4});
  CHECK((a + 1).to_vector() == std::vector<float>{2, 3, 5});
  CHECK((8 / a).to_vector() == std::vector<float>{8, 4, 2});
  CHECK((1 - a).to_vector() == std::vector<float>{0, -1, -3});
  CHECK((-a).to_vector() == std::vector<float>{-1, -2, -4});
  CHECK((a > 1.5).to_vector() == std::vector<bool>{false, true, true});
  CHECK((a == a).to_vector() == std::vector<bool>{true, true, true});
  const Tensor<std::uint8_t> bytes({2}, {250, 10});
  CHECK((bytes + bytes).to_vector() == std::vector<int>{500, 20});
}

TEST_CASE("shapes that do not fit are named") {
  const Tensor<float> a = Tensor<float>::zeros({2, 3}), b = Tensor<float>::zeros({4});
  CHECK_THROWS_WITH(a + b, Equals("add: shapes [2,3] and [4] do not broadcast"));
  CHECK_THROWS_WITH(a < b, Equals("lt: shapes [2,3] and [4] do not broadcast"));
  CHECK_THROWS_WITH(broadcast_to(a, Shape{3}), Equals("broadcast_to: [2,3] does not broadcast to [3]"));
  Tensor<float> target = Tensor<float>::zeros({3});
  CHECK_THROWS_AS(add_in_place(target, a), ShapeError);
}

TEST_CASE("equality and closeness") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const Tensor<double> a({2}, {1, 2}), near({2}, {1 + 1e-7, 2}), far({2}, {1.1, 2}), broken({2}, {nan, 2});
  CHECK(equal(a, a.clone()));
  CHECK_FALSE(equal(a, near));
  CHECK_FALSE(equal(a, a.reshape({1, 2})));
  CHECK(allclose(a, near));
  CHECK_FALSE(allclose(a, far));
  CHECK_FALSE(allclose(broken, broken));
  CHECK(where(Tensor<bool>({2}, {true, false}), a, far).to_vector() == std::vector<double>{1, 2});
}
