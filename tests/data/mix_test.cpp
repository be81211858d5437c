#include <catch2/catch.hpp>

#include <kashi/core/broadcast.hpp>
#include <kashi/core/reduce.hpp>
#include <kashi/data/mix.hpp>
#include <kashi/data/tensor_dataset.hpp>

using namespace kashi;

namespace {

/// Image i is 10 + i everywhere; its label is i.
data::Dataset plain_images(Index count, Index side) {
  Tensor<float> images = Tensor<float>::empty({count, side, side, 1});
  for (Index i = 0; i < count; ++i) images[i].fill(static_cast<float>(10 + i));
  return data::tensor_dataset(images, Tensor<Index>::arange(count));
}

data::Batch batch_of(data::BatchTransform transform, int workers = 0, Index number = 0) {
  data::Loader loader(plain_images(8, 12), {.batch = 4, .workers = workers, .batch_transform = std::move(transform)});
  data::Epoch epoch = loader.epoch(1, number);
  data::Batch batch;
  REQUIRE(epoch.next(batch));
  return batch;
}

}  // namespace

TEST_CASE("mixup's images and targets are the same mixture of an image and the next") {
  const data::Batch batch = batch_of(data::Mixup({.classes = 8, .alpha = 0.4}));
  REQUIRE(batch.targets.shape() == Shape{4, 8});
  const float share = batch.targets(0, 0);
  CHECK(share > 0.0f);
  CHECK(share < 1.0f);
  for (Index i = 0; i < 4; ++i) {
    const Index next = (i + 1) % 4;
    CHECK(batch.targets(i, i) == share);
    CHECK(batch.targets(i, next) == Approx(1 - share));
    const float expected = share * static_cast<float>(10 + i) + (1 - share) * static_cast<float>(10 + next);
    for (const float pixel : batch.images[i].span()) REQUIRE(pixel == Approx(expected));
  }
}

TEST_CASE("CutMix pastes one box of the next image, and the targets are the areas") {
  for (Index number = 0; number < 2; ++number) {
    const data::Batch batch = batch_of(data::CutMix({.classes = 8}), 0, number);
    for (Index i = 0; i < 4; ++i) {
      const Index own = 4 * number + i, next = 4 * number + (i + 1) % 4;
      Index top = 12, bottom = -1, left = 12, right = -1, pasted = 0;
      for (Index y = 0; y < 12; ++y)
        for (Index x = 0; x < 12; ++x) {
          const float pixel = batch.images(i, y, x, 0);
          if (pixel == static_cast<float>(10 + own)) continue;
          REQUIRE(pixel == static_cast<float>(10 + next));
          top = std::min(top, y), bottom = std::max(bottom, y), left = std::min(left, x), right = std::max(right, x);
          ++pasted;
        }
      if (pasted > 0) CHECK(pasted == (bottom - top + 1) * (right - left + 1));
      CHECK(batch.targets(i, own) == Approx(1 - static_cast<double>(pasted) / 144));
      CHECK(batch.targets(i, next) == Approx(static_cast<double>(pasted) / 144));
    }
  }
}

TEST_CASE("mixed batches follow from the seed alone, and differ from batch to batch") {
  const data::CutMix mix({.classes = 8});
  CHECK(equal(batch_of(mix, 0).images, batch_of(mix, 3).images));
  CHECK(equal(batch_of(mix, 0, 1).targets, batch_of(mix, 2, 1).targets));
  const data::Mixup mixup({.classes = 8});
  CHECK(batch_of(mixup, 0, 0).targets(0, 0) != batch_of(mixup, 0, 1).targets(0, 4));
}

TEST_CASE("with probability 0 batches stay as they are, with one-hot targets") {
  for (const auto& transform : {data::BatchTransform(data::Mixup({.classes = 8, .p = 0})),
                                data::BatchTransform(data::CutMix({.classes = 8, .p = 0}))}) {
    const data::Batch batch = batch_of(transform);
    for (Index i = 0; i < 4; ++i) {
      CHECK(batch.targets(i, i) == 1.0f);
      CHECK(sum(batch.targets[i]).item() == 1.0f);
      CHECK(batch.images(i, 3, 3, 0) == static_cast<float>(10 + i));
    }
  }
}

TEST_CASE("draws of Beta(a, a) have its mean and variance") {
  for (const double a : {0.2, 1.0}) {
    data::RandomStream random(5, 0, 0);
    double sum = 0, squares = 0;
    constexpr int count = 4000;
    for (int i = 0; i < count; ++i) {
      const double x = data::detail::symmetric_beta(a, random);
      REQUIRE((x >= 0 && x <= 1));
      sum += x, squares += x * x;
    }
    const double mean = sum / count;
    CHECK(mean == Approx(0.5).margin(0.03));
    CHECK(squares / count - mean * mean == Approx(1 / (4 * (2 * a + 1))).epsilon(0.08));
  }
}

TEST_CASE("options and labels that can't be are refused") {
  CHECK_THROWS_WITH(data::Mixup({.classes = 1}), "Mixup: .classes must be at least 2; got 1");
  CHECK_THROWS_WITH(data::CutMix({.classes = 5, .alpha = 2}), "CutMix: .alpha must lie in (0, 1]; got 2");
  CHECK_THROWS_WITH(data::CutMix({.classes = 5, .p = 1.5}), "CutMix: .p must lie in [0, 1]; got 1.5");
  data::Epoch epoch =
      data::Loader(plain_images(4, 8), {.batch = 4, .workers = 0, .batch_transform = data::Mixup({.classes = 2})})
          .epoch(0);
  data::Batch batch;
  CHECK_THROWS_WITH(epoch.next(batch), "Mixup: labels must lie in 0..1; got 1 and 2");
}
