/// What programs show of the training of a classifier: curves, confusion matrix, mistakes.
#pragma once

#include <algorithm>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include <kashi/data/dataset.hpp>
#include <kashi/plot/confusion_matrix.hpp>
#include <kashi/plot/contact_sheet.hpp>
#include <kashi/plot/line_chart.hpp>
#include <kashi/train/metrics.hpp>
#include <kashi/train/report.hpp>
#include <kashi/train/trainer.hpp>

namespace examples {

/// The confusion matrix of a dataset and the guess for every image.
struct Answers {
  kashi::train::ConfusionMatrix confusion;
  std::vector<kashi::Index> guesses;
};

/// Asks a network, in evaluation mode, about every example.
inline Answers answer_all(const kashi::nn::Module<float>& net, const kashi::data::Dataset& dataset,
                          kashi::Index classes) {
  const kashi::NoGrad no_grad;
  Answers out{kashi::train::ConfusionMatrix(classes), {}};
  for (const kashi::data::Batch& batch : kashi::data::Loader(dataset, {.batch = 64}).epoch(0)) {
    const kashi::Tensor<float> logits = net(batch.images).value();
    out.confusion.update(logits, batch);
    for (const kashi::Index guess : argmax(logits).span()) out.guesses.push_back(guess);
  }
  return out;
}

inline kashi::Index count_parameters(const kashi::nn::Module<float>& net) {
  kashi::Index count = 0;
  for (const auto& parameter : net.parameters()) count += parameter.numel();
  return count;
}

/// Recall of every class under its name; null for a class that the test part lacks.
inline std::map<std::string, double> recall_by_name(const kashi::train::ConfusionMatrix& confusion,
                                                    const std::vector<std::string>& names) {
  std::map<std::string, double> out;
  for (std::size_t i = 0; i < names.size(); ++i) out[names[i]] = confusion.recall(static_cast<kashi::Index>(i));
  return out;
}

/// Images a second, as an average over the epochs.
inline double mean_rate(const std::vector<kashi::train::EpochLog>& history) {
  double total = 0;
  for (const auto& log : history) total += log.images_per_second;
  return history.empty() ? 0 : total / static_cast<double>(history.size());
}

inline std::vector<double> column(const std::vector<kashi::train::EpochLog>& history, const std::string& figure) {
  std::vector<double> out;
  for (const auto& log : history) out.push_back(log.at(figure));
  return out;
}

/// The test images that the network got wrong, with truth and guess under each; `picture` makes what is shown of one.
inline kashi::plot::Image mistakes_sheet(
    const kashi::data::Dataset& test, const std::vector<kashi::Index>& guesses, const std::vector<std::string>& names,
    const std::function<kashi::plot::Image(const kashi::data::Example&)>& picture) {
  using namespace kashi;
  constexpr std::size_t most = 40;
  std::vector<plot::Image> pictures;
  std::vector<std::string> captions;
  for (Index i = 0; i < test.size() && pictures.size() < most; ++i) {
    const auto guess = static_cast<std::size_t>(guesses[static_cast<std::size_t>(i)]),
               truth = static_cast<std::size_t>(test.label(i));
    if (guess == truth) continue;
    pictures.push_back(picture(test.get(i)));
    captions.push_back("is " + names[truth] + ", taken for " + names[guess]);
  }
  const std::string title = pictures.empty() ? "No mistakes on the test images" : "Mistakes on the test images";
  return plot::contact_sheet(
      pictures, captions,
      {.title = title,
       .columns = pictures.size() < 8 ? static_cast<int>(std::max<std::size_t>(1, pictures.size())) : 8});
}

/// Curves of loss and accuracy, the confusion matrix, and the cards that every training has.
inline void add_training_pictures(kashi::train::Report& report, const std::vector<kashi::train::EpochLog>& history,
                                  const kashi::train::ConfusionMatrix& confusion, const std::vector<std::string>& names,
                                  kashi::Index test_images) {
  using namespace kashi;
  report.headline("test_accuracy", {.label = "test accuracy",
                                    .format = train::Format::percent,
                                    .note = std::to_string(test_images) + " images held out"});
  report.headline("train_accuracy", {.label = "training accuracy", .format = train::Format::percent});
  report.headline("parameters", {});
  report.headline("seconds", {.format = train::Format::seconds});
  report.picture(
      "Training", "curves.png",
      plot::line_chart({{.name = "training", .y = column(history, "train_loss")},
                        {.name = "validation", .y = column(history, "val_loss")}},
                       {.title = "Loss", .x_label = "epoch"}),
      "Loss after each epoch. Training images are augmented and dropout is on, so their loss may lie above.");
  report.picture("Training", "accuracy.png",
                 plot::line_chart({{.name = "validation", .y = column(history, "val_accuracy")}},
                                  {.title = "Accuracy", .x_label = "epoch"}),
                 "Share of right answers on the validation part after each epoch.");
  report.picture("Test", "confusion.png", plot::confusion_matrix(confusion.counts(), names),
                 "Rows: what the images show. Columns: what the network took them for.");
  report.file("best.safetensors", "the weights of the best epoch");
  report.file("log.csv", "every epoch's figures");
}

}  // namespace examples
