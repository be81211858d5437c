#include <catch2/catch.hpp>

#include <kashi/core/broadcast.hpp>
#include <kashi/core/manipulate.hpp>

using namespace kashi;
using Catch::Matchers::Equals;

TEST_CASE("permute moves every element to its place") {
  const Tensor<int> x = Tensor<int>::arange(2 * 3 * 4 * 5).reshape({2, 3, 4, 5});
  const Tensor<int> y = permute(x, {2, 0, -1, 1});
  REQUIRE(y.shape() == Shape{4, 2, 5, 3});
  for (Index a = 0; a < 2; ++a)
    for (Index b = 0; b < 3; ++b)
      for (Index c = 0; c < 4; ++c)
        for (Index d = 0; d < 5; ++d) REQUIRE(y(c, a, d, b) == x(a, b, c, d));
  CHECK(equal(permute(y, {1, 3, 0, 2}), x));
  CHECK(transpose(Tensor<int>({2, 3}, {1, 2, 3, 4, 5, 6})).to_vector() == std::vector<int>{1, 4, 2, 5, 3, 6});
  CHECK_THROWS_WITH(permute(x, {0, 1, 1, 2}), Equals("permute: axis 1 is given twice; shape [2,3,4,5]"));
  CHECK_THROWS_AS(permute(x, {0, 1}), ShapeError);
}

TEST_CASE("concat and narrow are inverse") {
  const Tensor<int> x = Tensor<int>::arange(2 * 6 * 3).reshape({2, 6, 3});
  for (const Index axis : {0, 1, 2}) {
    const Index cut = x.size(axis) / 2;
    CHECK(equal(concat<int>({narrow(x, axis, 0, cut), narrow(x, axis, cut, x.size(axis))}, axis), x));
  }
  CHECK(narrow(x, 1, 2, 2).numel() == 0);
  CHECK_THROWS_WITH(concat<int>({x, Tensor<int>::zeros({2, 6, 4})}, 1),
                    Equals("concat: [2,6,4] does not fit [2,6,3] on axis 1"));
  CHECK_THROWS_WITH(narrow(x, 1, 5, 7), Equals("narrow: [5,7) does not lie in axis 1 of [2,6,3]"));
}

TEST_CASE("stack makes a new axis") {
  const Tensor<int> a({2}, {1, 2}), b({2}, {3, 4});
  CHECK(stack<int>({a, b}).to_vector() == std::vector<int>{1, 2, 3, 4});
  CHECK(stack<int>({a, b}, 1).to_vector() == std::vector<int>{1, 3, 2, 4});
  CHECK(stack<int>({a, b}, -1).shape() == Shape{2, 2});
  CHECK_THROWS_AS(stack<int>({a, Tensor<int>::zeros({3})}), ShapeError);
}

TEST_CASE("gather picks one element a position, gather_rows whole rows") {
  const Tensor<int> x({3, 2}, {10, 11, 20, 21, 30, 31});
  CHECK(gather_rows(x, Tensor<Index>({4}, {2, 0, 0, 1})).to_vector() ==
        std::vector<int>{30, 31, 10, 11, 10, 11, 20, 21});
  CHECK(gather(x, 1, Tensor<Index>({3, 1}, {1, 0, 1})).to_vector() == std::vector<int>{11, 20, 31});
  CHECK(gather(x, 0, Tensor<Index>({1, 2}, {2, 0})).to_vector() == std::vector<int>{30, 11});
  CHECK_THROWS_WITH(gather_rows(x, Tensor<Index>({1}, {3})), Equals("gather_rows: row 3 is not in [3,2]"));
  CHECK_THROWS_AS(gather(x, 1, Tensor<Index>({3, 1}, {0, 2, 0})), ValueError);
}

TEST_CASE("one_hot has one 1 a row") {
  CHECK(one_hot(Tensor<Index>({2}, {2, 0}), 3).to_vector() == std::vector<float>{0, 0, 1, 1, 0, 0});
  CHECK(one_hot<double>(Tensor<Index>({1, 2}, {0, 1}), 2).shape() == Shape{1, 2, 2});
  CHECK_THROWS_WITH(one_hot(Tensor<Index>({1}, {3}), 3), Equals("one_hot: label 3 is not in 0..2"));
}
