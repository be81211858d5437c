#include <catch2/catch.hpp>

#include <kashi/core/tensor.hpp>

using namespace kashi;
using Catch::Matchers::Equals;

TEST_CASE("a shape knows its rank, sizes and number of elements") {
  const Shape shape{2, 3, 4};
  CHECK(shape.rank() == 3);
  CHECK(shape.numel() == 24);
  CHECK(shape[0] == 2);
  CHECK(shape[-1] == 4);
  CHECK(shape.to_string() == "[2,3,4]");
  CHECK(Shape{}.numel() == 1);
  CHECK(Shape{3, 0, 2}.numel() == 0);
  CHECK(shape.with(1, 7) == Shape{2, 7, 4});
  CHECK_FALSE(shape == Shape{2, 3});
}

TEST_CASE("impossible shapes are refused") {
  CHECK_THROWS_WITH((Shape{2, -1}), Equals("shape: sizes can't be negative; got [2,-1]"));
  CHECK_THROWS_WITH((Shape{1, 1, 1, 1, 1, 1, 1, 1, 1}), Equals("shape: at most 8 axes; got 9"));
  CHECK_THROWS_WITH((Shape{Index{1} << 40, Index{1} << 40}),
                    Equals("shape: too many elements; got [1099511627776,1099511627776]"));
  CHECK((Shape{Index{1} << 40, Index{1} << 40, 0}.numel() == 0));
  CHECK_THROWS_AS((Shape{2, 3}[2]), ShapeError);
  CHECK_THROWS_WITH((Shape{2, 3}[-3]), Equals("shape: axis -3 is not one of the 2 axes of [2,3]"));
}

TEST_CASE("copies share numbers, clones do not") {
  Tensor<float> a({2, 2}, {1, 2, 3, 4});
  Tensor<float> shared = a;
  const Tensor<float> copy = a.clone();
  shared.at(1, 0) = 9;
  CHECK(a(1, 0) == 9);
  CHECK(copy(1, 0) == 3);
  CHECK(a.shares_storage_with(shared));
  CHECK_FALSE(a.shares_storage_with(copy));
  CHECK_FALSE(a.is_unique());
  CHECK(copy.is_unique());
}

TEST_CASE("slices and reshapes are views of the same numbers") {
  Tensor<int> a = Tensor<int>::arange(24).reshape({4, 6});
  Tensor<int> rows = a.slice(1, 3);
  CHECK(rows.shape() == Shape{2, 6});
  CHECK(rows(0, 0) == 6);
  CHECK(a[-1](5) == 23);
  rows.at(0, 0) = -1;
  CHECK(a(1, 0) == -1);
  CHECK(a.reshape({2, -1, 3}).shape() == Shape{2, 4, 3});
  CHECK(a.slice(4, 4).numel() == 0);
}

TEST_CASE("every write through any handle raises the version") {
  Tensor<float> a = Tensor<float>::zeros({3});
  const Tensor<float> view = a.slice(0, 2);
  const auto before = view.version();
  a.fill(1);
  CHECK(view.version() > before);
  const auto after = view.version();
  static_cast<void>(a.data());
  static_cast<void>(a(0));
  CHECK(view.version() == after);
}

TEST_CASE("tensors say what does not fit") {
  const Tensor<float> a = Tensor<float>::zeros({2, 3});
  CHECK_THROWS_WITH(a.reshape({4, 2}), Equals("reshape: [2,3] has 6 elements, [4,2] has 8"));
  CHECK_THROWS_WITH(a.reshape({4, -1}), Equals("reshape: no size for the -1 makes 6 elements out of 4"));
  CHECK_THROWS_WITH(a(2, 0), Equals("index: 2 is out of range on axis 0 of [2,3]"));
  CHECK_THROWS_WITH(a(1), Equals("index: 1 indices for the shape [2,3]"));
  CHECK_THROWS_WITH(a.slice(1, 3), Equals("slice: [1,3) does not lie in the first axis of [2,3]"));
  CHECK_THROWS_WITH(a.item(), Equals("item: the tensor must have one element; its shape is [2,3]"));
  CHECK_THROWS_WITH((Tensor<float>({2}, {1, 2, 3})), Equals("tensor: 3 values do not fill the shape [2]"));
  Tensor<float> target = Tensor<float>::zeros({3, 2});
  CHECK_THROWS_WITH(target.copy_from(a), Equals("copy_from: [2,3] does not fit into [3,2]"));
}

TEST_CASE("a view keeps the caller's memory alive and writes into it") {
  auto owner = std::make_shared<std::vector<float>>(std::vector<float>{1, 2, 3, 4});
  std::weak_ptr<std::vector<float>> watch = owner;
  {
    Tensor<float> view = Tensor<float>::view(owner->data(), {2, 2}, owner);
    owner.reset();
    CHECK_FALSE(watch.expired());
    view.at(0, 1) = 7;
    CHECK((*watch.lock())[1] == 7);
  }
  CHECK(watch.expired());
}

TEST_CASE("conversion between number types keeps values") {
  const Tensor<float> a({3}, {-1.5f, 2, 3.25f});
  CHECK(a.to<double>().to_vector() == std::vector<double>{-1.5, 2, 3.25});
  CHECK(a.to<int>().to_vector() == std::vector<int>{-1, 2, 3});
  CHECK(Tensor<double>::eye(2).to_vector() == std::vector<double>{1, 0, 0, 1});
}
