#include <catch2/catch.hpp>

#include "transform_examples.hpp"

#include <set>

#include <kashi/data/crop.hpp>

using namespace kashi;
using kashi_tests::apply;
using kashi_tests::ramp;

TEST_CASE("pad with each border", "[crop]") {
  const Tensor<float> image({1, 3, 1}, {1, 2, 3});
  const auto padded = [&](data::Fill fill) {
    return apply(data::Pad({.left = 3, .right = 4, .fill = fill}), image).to_vector();
  };
  CHECK(padded({.value = 7.0f}) == std::vector<float>{7, 7, 7, 1, 2, 3, 7, 7, 7, 7});
  CHECK(padded({data::Border::edge}) == std::vector<float>{1, 1, 1, 1, 2, 3, 3, 3, 3, 3});
  CHECK(padded({data::Border::reflect}) == std::vector<float>{2, 3, 2, 1, 2, 3, 2, 1, 2, 3});
  CHECK(apply(data::Pad({.top = 1, .fill = {data::Border::colour}}), Tensor<float>({1, 1, 2}, {4, 5})).to_vector() ==
        std::vector<float>{4, 5, 4, 5});
  CHECK(apply(data::Pad({.top = 2, .fill = {data::Border::reflect}}), Tensor<float>({1, 1, 1}, {4})).to_vector() ==
        std::vector<float>{4, 4, 4});
  CHECK_THROWS_WITH(data::Pad({.left = -1}), "Pad: the number of pixels can't be negative; got 0, 0, -1, 0");
}

TEST_CASE("the border colour is a median, so that strokes at the border don't count", "[crop]") {
  Tensor<float> image = Tensor<float>::full({8, 8, 2}, 0.75f);
  image.at(0, 3, 0) = 0.0f;
  image.at(4, 4, 1) = 0.0f;
  CHECK(data::detail::border_colour(image) == std::vector<float>{0.75f, 0.75f});
}

TEST_CASE("centre crop", "[crop]") {
  CHECK(apply(data::CenterCrop({.size = {1, 2}}), ramp(3, 4, 1)).to_vector() == std::vector<float>{5, 6});
  CHECK(apply(data::CenterCrop({.size = {1, 1}}), ramp(2, 2, 1)).to_vector() == std::vector<float>{0});
  CHECK(apply(data::CenterCrop({.size = {3, 1}, .fill = {.value = 9.0f}}), ramp(1, 1, 1)).to_vector() ==
        std::vector<float>{9, 0, 9});
  CHECK_THROWS_WITH(data::CenterCrop({.size = {0, 3}}), "CenterCrop: the size must be at least 1 x 1; got 0 x 3");
}

TEST_CASE("random crops reach every place and only them", "[crop]") {
  std::set<float> seen;
  for (Index i = 0; i < 200; ++i) {
    const Tensor<float> crop = apply(data::RandomCrop({.size = {2, 2}}), ramp(3, 4, 1), i);
    CHECK(crop(1, 1, 0) == crop(0, 0, 0) + 5.0f);
    seen.insert(crop(0, 0, 0));
  }
  CHECK(seen == std::set<float>{0, 1, 2, 4, 5, 6});
  CHECK(apply(data::RandomCrop({.size = {3, 4}}), ramp(3, 4, 1)).to_vector() == ramp(3, 4, 1).to_vector());

  std::set<float> padded;
  for (Index i = 0; i < 200; ++i)
    padded.insert(
        apply(data::RandomCrop({.size = {1, 1}, .padding = 1, .fill = {.value = -1.0f}}), ramp(1, 2, 1), i).item());
  CHECK(padded == std::set<float>{-1, 0, 1});
}

TEST_CASE("a crop larger than the image is refused with a hint", "[crop]") {
  CHECK_THROWS_WITH(
      apply(data::RandomCrop({.size = {5, 2}, .padding = 1}), data::Example{.image = ramp(2, 2, 1), .name = "a.png"}),
      "RandomCrop: the crop 5 x 2 with padding 1 does not fit into the image [2,2,1] (\"a.png\") (hint: data::Resize "
      "or more padding)");
  CHECK_THROWS_AS(data::RandomCrop({.size = {5, 2}, .padding = -1}), ValueError);
}

TEST_CASE("crops can be made to hold the foreground", "[crop]") {
  data::Example example{.image = ramp(20, 30, 1), .target = Tensor<float>::zeros({20, 30, 1})};
  example.target.at(2, 28, 0) = 1.0f;
  int with = 0, without = 0;
  for (Index i = 0; i < 100; ++i) {
    const auto holds = [&](double foreground) {
      const data::Example crop =
          apply(data::RandomCrop({.size = {6, 5}, .padding = 2, .foreground = foreground}), example, i);
      CHECK(crop.target.shape() == Shape{6, 5, 1});
      for (Index k = 0; k < 30; ++k)
        if (crop.target.data()[k] > 0.5f) return crop.image.data()[k] == 88.0f;
      return false;
    };
    with += holds(1.0);
    without += holds(0.0);
  }
  CHECK(with == 100);
  CHECK(without < 30);
}

TEST_CASE("flips are exact, take the mask along, and come with probability p", "[crop]") {
  const Tensor<float> image = ramp(2, 3, 2);
  CHECK(apply(data::RandomHorizontalFlip({.p = 1.0}), image).to_vector() ==
        std::vector<float>{4, 5, 2, 3, 0, 1, 10, 11, 8, 9, 6, 7});
  CHECK(apply(data::RandomVerticalFlip({.p = 1.0}), image).to_vector() ==
        std::vector<float>{6, 7, 8, 9, 10, 11, 0, 1, 2, 3, 4, 5});
  CHECK(image.to_vector() == ramp(2, 3, 2).to_vector());

  int flipped = 0;
  for (Index i = 0; i < 400; ++i) {
    const data::Example out =
        apply(data::RandomHorizontalFlip({.p = 0.3}), {.image = ramp(1, 2, 1), .target = ramp(1, 2, 1)}, i);
    CHECK(out.image.to_vector() == out.target.to_vector());
    flipped += out.image(0, 0, 0) == 1.0f;
  }
  CHECK(flipped > 90);
  CHECK(flipped < 150);
  CHECK_THROWS_WITH(data::RandomHorizontalFlip({.p = 1.5}),
                    "RandomHorizontalFlip: the probability p must lie in [0, 1]; got 1.5");
  CHECK_THROWS_AS(data::RandomVerticalFlip({.p = -0.1}), ValueError);
}

TEST_CASE("a mask of another size is refused", "[crop]") {
  CHECK_THROWS_WITH(apply(data::RandomHorizontalFlip(), {.image = ramp(2, 2, 1), .target = ramp(2, 3, 1), .name = "a"}),
                    "RandomHorizontalFlip: image and mask must have one size; image [2,2,1], mask [2,3,1] (\"a\")");
  CHECK_THROWS_WITH(apply(data::RandomHorizontalFlip(), Tensor<float>::zeros({4, 4})),
                    "RandomHorizontalFlip: an image must be [H,W,C] with at least one pixel; got [4,4]");
  const data::Example numbers =
      apply(data::RandomHorizontalFlip({.p = 1.0}), {.image = ramp(2, 2, 1), .target = Tensor<float>({2}, {1, 2})});
  CHECK(numbers.target.to_vector() == std::vector<float>{1, 2});
}
