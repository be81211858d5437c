#include <catch2/catch.hpp>

#include <kashi/train/mask_curve.hpp>

using namespace kashi;

TEST_CASE("a curve pools pixels of several images at every threshold") {
  train::MaskCurve curve;
  curve.add(Tensor<float>({4}, {0.9f, 0.6f, 0.3f, 0.1f}), Tensor<float>({4}, {1, 0, 1, 0}));
  curve.add(Tensor<float>({2}, {0.8f, 0.2f}), Tensor<float>({2}, {1, 0}));
  CHECK(curve.precision(0.5) == Approx(2.0 / 3));
  CHECK(curve.recall(0.5) == Approx(2.0 / 3));
  CHECK(curve.dice(0.5) == Approx(2.0 / 3));
  CHECK(curve.iou(0.5) == Approx(0.5));
  CHECK(curve.dice(0.25) == Approx(6.0 / 7));
  CHECK(curve.recall(0.25) == 1.0);
  CHECK(curve.dice(0.7) == Approx(4.0 / 5));
  CHECK(curve.best_threshold() == Approx(0.21));
}

TEST_CASE("no foreground and no prediction agree") {
  train::MaskCurve curve;
  curve.add(Tensor<float>::full({3}, 0.1f), Tensor<float>::zeros({3}));
  CHECK(curve.dice(0.5) == 1.0);
  CHECK(curve.iou(0.5) == 1.0);
  CHECK(curve.precision(0.5) == 1.0);
  CHECK(curve.dice(0.05) == 0.0);
  CHECK(train::MaskCurve().best_threshold() == Approx(0.05));
  CHECK_THROWS_WITH(curve.add(Tensor<float>::zeros({3}), Tensor<float>::zeros({2})),
                    "MaskCurve: probabilities [3] and mask [2] must have one shape");
}
