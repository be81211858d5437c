/// What a network answers over a dataset, with its mirror images if asked, and the pictures and tables of it.
#pragma once

#include <algorithm>
#include <cstdio>
#include <map>
#include <numeric>
#include <string>
#include <vector>

#include <kashi/core/manipulate.hpp>
#include <kashi/core/random.hpp>
#include <kashi/core/reduce.hpp>
#include <kashi/data/loader.hpp>
#include <kashi/nn/module.hpp>
#include <kashi/ops/softmax.hpp>
#include <kashi/plot/confusion_matrix.hpp>
#include <kashi/plot/contact_sheet.hpp>
#include <kashi/plot/line_chart.hpp>
#include <kashi/train/metrics.hpp>
#include <kashi/train/report.hpp>
#include <kashi/train/trainer.hpp>

#include "common/mirrored.hpp"
#include "resnext/data.hpp"

namespace resnext {

/// Shares of right answers and who was taken for whom.
struct Answers {
  kashi::train::ConfusionMatrix confusion{100};
  double top1 = 0;
  double top5 = 0;
  std::vector<kashi::Index> guesses;
};

/// Runs a network in eval mode over a dataset; `mirror` averages its scores with those of the mirror images.
inline Answers answer_all(const kashi::nn::Module<float>& net, const kashi::data::Dataset& dataset, bool mirror) {
  using namespace kashi;
  const NoGrad no_grad;
  Answers out;
  train::TopKAccuracy top1(1), top5(5);
  for (const data::Batch& batch : data::Loader(dataset, {.batch = 100}).epoch(0)) {
    Tensor<float> scores = net(batch.images).value();
    if (mirror) scores = scores + net(examples::mirrored(batch.images)).value();
    out.confusion.update(scores, batch);
    top1.update(scores, batch);
    top5.update(scores, batch);
    for (const Index guess : argmax(scores).span()) out.guesses.push_back(guess);
  }
  out.top1 = top1.value();
  out.top5 = top5.value();
  return out;
}

/// Rows of classes from the best recall to the worst.
inline std::vector<std::vector<std::string>> class_table(const Answers& answers, const std::vector<std::string>& names,
                                                         const Superclasses& superclasses) {
  const auto share = [](double value) {
    char buffer[32];
    std::snprintf(buffer, sizeof buffer, "%.1f %%", 100 * value);
    return std::string(buffer);
  };
  std::vector<std::size_t> order(names.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  const auto recall = [&](std::size_t c) { return answers.confusion.recall(static_cast<kashi::Index>(c)); };
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return recall(a) > recall(b); });
  std::vector<std::vector<std::string>> rows;
  for (const std::size_t c : order) {
    const std::string& group = superclasses.names[static_cast<std::size_t>(superclasses.of_class[c])];
    rows.push_back(
        {names[c], group, share(recall(c)), share(answers.confusion.precision(static_cast<kashi::Index>(c)))});
  }
  return rows;
}

/// Counts between superclasses.
inline kashi::Tensor<kashi::Index> superclass_counts(const Answers& answers, const Superclasses& superclasses) {
  using kashi::Index;
  const auto groups = static_cast<Index>(superclasses.names.size());
  const std::vector<Index>& of_class = superclasses.of_class;
  kashi::Tensor<Index> out = kashi::Tensor<Index>::zeros({groups, groups});
  for (Index truth = 0; truth < 100; ++truth)
    for (Index guess = 0; guess < 100; ++guess)
      out.at(of_class[static_cast<std::size_t>(truth)], of_class[static_cast<std::size_t>(guess)]) +=
          answers.confusion.counts()(truth, guess);
  return out;
}

inline double diagonal_share(const kashi::Tensor<kashi::Index>& counts) {
  double hits = 0, all = 0;
  for (kashi::Index i = 0; i < counts.size(0); ++i) hits += static_cast<double>(counts(i, i));
  for (const kashi::Index count : counts.span()) all += static_cast<double>(count);
  return hits / all;
}

/// Test images that were taken for another class, with truth and guess.
inline kashi::plot::Image mistakes_sheet(const kashi::data::Dataset& test, const Answers& answers,
                                         const std::vector<std::string>& names) {
  using namespace kashi;
  constexpr std::size_t most = 40;
  const Tensor<float> mean({3}, {0.5071f, 0.4867f, 0.4408f}), deviation({3}, {0.2675f, 0.2565f, 0.2761f});
  std::vector<plot::Image> pictures;
  std::vector<std::string> captions;
  // In an order of their own: files often go through the classes in turn.
  for (const Index i : random::Generator(42).permutation(test.size()).span()) {
    if (pictures.size() == most) break;
    const auto guess = static_cast<std::size_t>(answers.guesses[static_cast<std::size_t>(i)]),
               truth = static_cast<std::size_t>(test.label(i));
    if (guess == truth) continue;
    pictures.push_back(io::to_bytes(test.get(i).image * deviation + mean));
    captions.push_back(names[truth] + " / " + names[guess]);
  }
  if (pictures.empty())
    return plot::contact_sheet({io::to_bytes(test.get(0).image * deviation + mean)},
                               {"no mistakes among those looked at"}, {.title = "Mistakes"});
  return plot::contact_sheet(pictures, captions, {.title = "Mistakes: truth / guess", .columns = 8});
}

/// The figures and pictures of the test, for training and evaluation alike.
inline void add_test(kashi::train::Report& report, const Answers& answers, const kashi::data::Dataset& test,
                     const std::vector<std::string>& names, const Superclasses& superclasses) {
  using namespace kashi;
  report.set("test_top1", answers.top1);
  report.set("test_top5", answers.top5);
  report.headline(
      "test_top1",
      {.label = "top-1", .format = train::Format::percent, .note = std::to_string(test.size()) + " test images"});
  report.headline("test_top5", {.label = "top-5", .format = train::Format::percent});
  const Tensor<Index> groups = superclass_counts(answers, superclasses);
  report.set("test_superclass", diagonal_share(groups));
  report.headline("test_superclass", {.label = "superclass", .format = train::Format::percent});
  report.picture("Test", "superclasses.png",
                 plot::confusion_matrix(groups, superclasses.names, {.title = "Superclasses"}),
                 "Rows: the superclass of the image. Columns: that of the answer.");
  report.picture("Test", "confusion.png", plot::confusion_matrix(answers.confusion.counts(), names),
                 "All classes: rows truth, columns answers.");
  report.picture("Test", "mistakes.png", mistakes_sheet(test, answers, names),
                 "Some of the images that were taken for another class.");
  report.table("Classes", {"class", "superclass", "recall", "precision"}, class_table(answers, names, superclasses));
}

}  // namespace resnext
