#include <catch2/catch.hpp>

#include <cmath>
#include <limits>

#include <kashi/train/metrics.hpp>

using namespace kashi;

namespace {

constexpr float nan_value = std::numeric_limits<float>::quiet_NaN();

data::Batch labelled(std::vector<Index> labels) {
  return {.labels = Tensor<Index>({static_cast<Index>(labels.size())}, labels)};
}

double top_k(Index k, const Tensor<float>& output, const std::vector<Index>& labels) {
  train::TopKAccuracy metric(k);
  metric.update(output, labelled(labels));
  return metric.value();
}

template <class MaskMetric>
double mask_metric(std::vector<float> logits, std::vector<float> wanted, double threshold = 0.5) {
  MaskMetric metric(threshold);
  const auto image = [](const std::vector<float>& row) {
    return Tensor<float>({1, 1, static_cast<Index>(row.size()), 1}, row);
  };
  metric.update(image(logits), {.targets = image(wanted)});
  return metric.value();
}

}  // namespace

TEST_CASE("accuracy counts hits over all batches") {
  train::Accuracy metric;
  CHECK(metric.name() == "accuracy");
  CHECK(std::isnan(metric.value()));
  metric.update(Tensor<float>({2, 3}, {1, 2, 3, 9, 8, 7}), labelled({2, 1}));
  CHECK(metric.value() == 0.5);
  metric.update(Tensor<float>({1, 3}, {0, 5, 1}), labelled({1}));
  CHECK(metric.value() == Approx(2.0 / 3.0));
  metric.reset();
  CHECK(std::isnan(metric.value()));
}

TEST_CASE("of equal outputs the first counts, as argmax takes it") {
  const Tensor<float> equal_outputs({1, 3}, {2, 2, 2});
  CHECK(top_k(1, equal_outputs, {0}) == 1);
  CHECK(top_k(1, equal_outputs, {1}) == 0);
  CHECK(top_k(2, equal_outputs, {1}) == 1);
  CHECK(top_k(2, equal_outputs, {2}) == 0);
  train::ConfusionMatrix confusion(3);
  confusion.update(equal_outputs, labelled({1}));
  CHECK(confusion.counts()(1, 0) == 1);
}

TEST_CASE("top-k accuracy") {
  const Tensor<float> output({2, 4}, {4, 3, 2, 1, 1, 2, 3, 4});
  CHECK(train::TopKAccuracy(5).name() == "top5");
  CHECK(top_k(1, output, {1, 1}) == 0);
  CHECK(top_k(2, output, {1, 1}) == 0.5);
  CHECK(top_k(3, output, {1, 1}) == 1);
  CHECK(top_k(9, output, {3, 0}) == 1);
}

TEST_CASE("an output that is not a number is no hit") {
  CHECK(top_k(1, Tensor<float>({1, 3}, {nan_value, nan_value, nan_value}), {0}) == 0);
  CHECK(top_k(1, Tensor<float>({1, 3}, {1, nan_value, 0}), {0}) == 0);
  CHECK(top_k(3, Tensor<float>({1, 3}, {1, nan_value, 0}), {1}) == 0);
}

TEST_CASE("confusion matrix with precision, recall and F1") {
  train::ConfusionMatrix confusion(3);
  for (int i = 0; i < 3; ++i) confusion.add(0, 0);
  confusion.add(0, 1);
  confusion.add(1, 1);
  confusion.add(1, 0);
  CHECK(confusion.counts().to_vector() == std::vector<Index>{3, 1, 0, 1, 1, 0, 0, 0, 0});
  CHECK(confusion.value() == Approx(4.0 / 6.0));
  CHECK(confusion.recall(0) == 0.75);
  CHECK(confusion.precision(0) == 0.75);
  CHECK(confusion.f1(1) == 0.5);
}

TEST_CASE("classes that are empty or never predicted") {
  train::ConfusionMatrix confusion(3);
  CHECK(std::isnan(confusion.value()));
  confusion.add(0, 1);
  CHECK(confusion.recall(0) == 0);
  CHECK(std::isnan(confusion.precision(0)));
  CHECK(confusion.f1(0) == 0);
  CHECK(std::isnan(confusion.recall(1)));
  CHECK(confusion.precision(1) == 0);
  CHECK(confusion.f1(1) == 0);
  CHECK(std::isnan(confusion.recall(2)));
  CHECK(std::isnan(confusion.f1(2)));
}

TEST_CASE("Dice and IoU are pooled over all pixels") {
  using train::Dice, train::IoU;
  CHECK(mask_metric<Dice>({1, 1, -1, -1}, {1, 0, 1, 0}) == 0.5);
  CHECK(mask_metric<IoU>({1, 1, -1, -1}, {1, 0, 1, 0}) == Approx(1.0 / 3.0));
  CHECK(mask_metric<Dice>({3, 3}, {1, 1}) == 1);
  CHECK(mask_metric<IoU>({3, -3}, {0, 1}) == 0);
  Dice pooled;
  pooled.update(Tensor<float>({1, 1, 2, 1}, {1, 1}), {.targets = Tensor<float>({1, 1, 2, 1}, {1, 1})});
  pooled.update(Tensor<float>({1, 1, 2, 1}, {1, 1}), {.targets = Tensor<float>({1, 1, 2, 1}, {0, 0})});
  CHECK(pooled.value() == Approx(2.0 / 3.0));
}

TEST_CASE("empty masks and thresholds") {
  using train::Dice, train::IoU;
  CHECK(mask_metric<Dice>({-1, -1}, {0, 0}) == 1);
  CHECK(mask_metric<IoU>({-1, -1}, {0, 0}) == 1);
  CHECK(mask_metric<Dice>({-1, -1}, {1, 0}) == 0);
  CHECK(mask_metric<IoU>({1, -1}, {0, 0}) == 0);
  CHECK(mask_metric<Dice>({0}, {0}) == 1);  // sigmoid(0) is not above 0.5
  CHECK(mask_metric<Dice>({1}, {1}, 0.7) == 1);
  CHECK(mask_metric<Dice>({1}, {1}, 0.75) == 0);
}

TEST_CASE("metrics refuse what does not fit") {
  using Catch::Matchers::Equals;
  train::Accuracy accuracy;
  CHECK_THROWS_WITH(
      accuracy.update(Tensor<float>::ones({2, 3}), labelled({0, 1, 2})),
      Equals("TopKAccuracy: the output must be [N,classes] with a row for each of the 3 labels; got [2,3]"));
  CHECK_THROWS_WITH(accuracy.update(Tensor<float>::ones({1, 3}), labelled({3})),
                    Equals("TopKAccuracy: label 3 is not in 0..2"));
  CHECK_THROWS_WITH(train::TopKAccuracy(0), Equals("TopKAccuracy: k must be at least 1; got 0"));
  CHECK_THROWS_WITH(train::ConfusionMatrix(-1),
                    Equals("ConfusionMatrix: the number of classes must be at least 1; got -1"));
  CHECK_THROWS_WITH(train::ConfusionMatrix(2).update(Tensor<float>::ones({1, 3}), labelled({0})),
                    Equals("ConfusionMatrix: the output has 3 classes, the matrix 2"));
  CHECK_THROWS_WITH(train::ConfusionMatrix(2).add(0, 2), Equals("ConfusionMatrix: classes 0 and 2 are not in 0..1"));
  CHECK_THROWS_WITH(train::Dice(1.0), Equals("MaskMetric: the threshold must lie between 0 and 1; got 1"));
  CHECK_THROWS_WITH(mask_metric<train::IoU>({1, 1}, {}), Equals("iou: output [1,1,2,1] and target [1,1,0,1] differ"));
}
