#include <catch2/catch.hpp>

#include <kashi/core/error.hpp>
#include <kashi/core/print.hpp>

using namespace kashi;

TEST_CASE("small tensors are shown whole, with columns aligned") {
  CHECK(to_string(Tensor<float>({2, 2}, {1, 20, -0.5f, 3})) == "[[   1,   20],\n [-0.5,    3]] [2,2] float");
  CHECK(to_string(Tensor<double>::scalar(2.5)) == "2.5 [] double");
  CHECK(to_string(Tensor<bool>({2}, {true, false})) == "[ true, false] [2] bool");
  CHECK(to_string(Tensor<Index>({0}, std::vector<Index>{})) == "[] [0] int64");
}

TEST_CASE("large tensors are cut short at each axis") {
  const std::string shown = to_string(Tensor<Index>::arange(10000).reshape({100, 100}), {.edge = 2});
  CHECK(shown ==
        "[[   0,    1, ...,   98,   99],\n [ 100,  101, ...,  198,  199],\n ...,\n [9800, 9801, ..., 9898, 9899],\n "
        "[9900, 9901, ..., 9998, 9999]] [100,100] int64");
}

TEST_CASE("an error collects the names of the layers it leaves") {
  ValueError error("conv2d: broken");
  CHECK(std::string(error.what()) == "conv2d: broken");
  error.add_layer("conv");
  error.add_layer("stem");
  CHECK(std::string(error.what()) == "conv2d: broken (layer \"stem.conv\")");
  CHECK(error.layer() == "stem.conv");
}
