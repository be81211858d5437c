/// Metrics: figures gathered batch by batch over a dataset.
///
/// A metric of one's own derives from Metric. Definitions: accuracy, precision, recall and F1 per class from the
/// confusion matrix; IoU and Dice of binary masks pooled over all pixels.
#pragma once

#include <cmath>
#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <kashi/core/reduce.hpp>
#include <kashi/data/loader.hpp>

namespace kashi::inline v0::train {

/// A figure that grows with each batch.
class Metric {
 public:
  virtual ~Metric() = default;
  /// The name in logs and reports: "accuracy".
  virtual std::string name() const = 0;
  /// Forgets all batches.
  virtual void reset() = 0;
  /// Takes in the network's output for a batch.
  virtual void update(const Tensor<float>& output, const data::Batch& batch) = 0;
  /// The figure so far; NaN before the first batch.
  virtual double value() const = 0;
};

namespace detail {

inline double ratio(double part, double whole) {
  return whole > 0 ? part / whole : std::numeric_limits<double>::quiet_NaN();
}

inline void check_logits(const char* who, const Tensor<float>& output, const data::Batch& batch) {
  require<ShapeError>(output.rank() == 2 && output.size(0) == batch.labels.numel(), who,
                      ": the output must be [N,classes] with a row for each of the ", batch.labels.numel(),
                      " labels; got ", output.shape());
}

}  // namespace detail

/// Share of examples whose label is among the k largest outputs. Output [N,classes].
class TopKAccuracy : public Metric {
 public:
  explicit TopKAccuracy(Index k) : k_(k) { require(k >= 1, "TopKAccuracy: k must be at least 1; got ", k); }
  std::string name() const override { return k_ == 1 ? "accuracy" : "top" + std::to_string(k_); }
  void reset() override { hits_ = count_ = 0; }
  void update(const Tensor<float>& output, const data::Batch& batch) override {
    detail::check_logits("TopKAccuracy", output, batch);
    const Index classes = output.size(1);
    for (Index i = 0; i < output.size(0); ++i) {
      const float* row = output.data() + i * classes;
      const Index label = batch.labels.data()[i];
      require(label >= 0 && label < classes, "TopKAccuracy: label ", label, " is not in 0..", classes - 1);
      // Equal outputs count in the order of their classes, as argmax would take them; NaN never counts as a hit.
      Index worse = 0;
      for (Index c = 0; c < classes; ++c) worse += row[c] < row[label] || (row[c] == row[label] && c > label);
      hits_ += !std::isnan(row[label]) && classes - 1 - worse < k_;
      ++count_;
    }
  }
  double value() const override { return detail::ratio(static_cast<double>(hits_), static_cast<double>(count_)); }

 private:
  Index k_;
  Index hits_ = 0;
  Index count_ = 0;
};

/// Share of examples whose largest output is the label's.
class Accuracy : public TopKAccuracy {
 public:
  Accuracy() : TopKAccuracy(1) {}
};

/// How often each class (row) was taken for each other (column).
class ConfusionMatrix : public Metric {
 public:
  explicit ConfusionMatrix(Index classes) {
    require(classes >= 1, "ConfusionMatrix: the number of classes must be at least 1; got ", classes);
    counts_ = Tensor<Index>::zeros({classes, classes});
  }
  std::string name() const override { return "accuracy"; }
  void reset() override { counts_.fill(0); }
  void update(const Tensor<float>& output, const data::Batch& batch) override {
    detail::check_logits("ConfusionMatrix", output, batch);
    require<ShapeError>(output.size(1) == classes(), "ConfusionMatrix: the output has ", output.size(1),
                        " classes, the matrix ", classes());
    const Tensor<Index> predicted = argmax(output);
    for (Index i = 0; i < predicted.numel(); ++i) add(batch.labels.data()[i], predicted.data()[i]);
  }
  /// Counts one example. Throws ValueError for a class that is not there.
  void add(Index truth, Index predicted) {
    require(truth >= 0 && truth < classes() && predicted >= 0 && predicted < classes(), "ConfusionMatrix: classes ",
            truth, " and ", predicted, " are not in 0..", classes() - 1);
    ++counts_.at(truth, predicted);
  }

  Index classes() const { return counts_.size(0); }
  /// Counts [truth, predicted].
  const Tensor<Index>& counts() const { return counts_; }

  /// Accuracy: the diagonal's share.
  double value() const override {
    Index hits = 0, all = 0;
    for (const Index n : counts_.span()) all += n;
    for (Index c = 0; c < classes(); ++c) hits += counts_(c, c);
    return detail::ratio(static_cast<double>(hits), static_cast<double>(all));
  }
  /// Share of a class's examples that were found. NaN for a class without examples.
  double recall(Index label) const { return detail::ratio(hits(label), examples(label)); }
  /// Share of a class's predictions that were right. NaN for a class that was never predicted.
  double precision(Index label) const { return detail::ratio(hits(label), predictions(label)); }
  /// Harmonic mean of precision and recall, as 2 hits / (examples + predictions). NaN for a class without either.
  double f1(Index label) const { return detail::ratio(2 * hits(label), examples(label) + predictions(label)); }

 private:
  double hits(Index label) const { return static_cast<double>(counts_(label, label)); }
  double examples(Index label) const {
    Index all = 0;
    for (Index c = 0; c < classes(); ++c) all += counts_(label, c);
    return static_cast<double>(all);
  }
  double predictions(Index label) const {
    Index all = 0;
    for (Index c = 0; c < classes(); ++c) all += counts_(c, label);
    return static_cast<double>(all);
  }

  Tensor<Index> counts_;
};

/// Counts of a binary mask against a prediction, over all pixels: output [N,H,W,1] of logits, target the same shape in
/// {0,1}.
class MaskMetric : public Metric {
 public:
  /// A pixel is predicted where sigmoid(logit) > threshold.
  explicit MaskMetric(double threshold = 0.5) {
    require(threshold > 0 && threshold < 1, "MaskMetric: the threshold must lie between 0 and 1; got ", threshold);
    logit_threshold_ = static_cast<float>(std::log(threshold / (1 - threshold)));
  }
  void reset() override { both_ = predicted_ = truth_ = 0; }
  void update(const Tensor<float>& output, const data::Batch& batch) override {
    require<ShapeError>(output.shape() == batch.targets.shape(), name(), ": output ", output.shape(), " and target ",
                        batch.targets.shape(), " differ");
    for (Index i = 0; i < output.numel(); ++i) {
      const bool hit = output.data()[i] > logit_threshold_, wanted = batch.targets.data()[i] > 0.5f;
      both_ += hit && wanted;
      predicted_ += hit;
      truth_ += wanted;
    }
  }

 protected:
  Index both_ = 0;
  Index predicted_ = 0;
  Index truth_ = 0;

 private:
  float logit_threshold_ = 0;
};

/// 2 |A and B| / (|A| + |B|), pooled over all pixels; 1 if both are empty.
class Dice : public MaskMetric {
 public:
  using MaskMetric::MaskMetric;
  std::string name() const override { return "dice"; }
  double value() const override {
    return predicted_ + truth_ == 0 ? 1.0 : 2.0 * static_cast<double>(both_) / static_cast<double>(predicted_ + truth_);
  }
};

/// |A and B| / |A or B|, pooled over all pixels; 1 if both are empty.
class IoU : public MaskMetric {
 public:
  using MaskMetric::MaskMetric;
  std::string name() const override { return "iou"; }
  double value() const override {
    return predicted_ + truth_ == 0 ? 1.0
                                    : static_cast<double>(both_) / static_cast<double>(predicted_ + truth_ - both_);
  }
};

}  // namespace kashi::inline v0::train
