/// What the digits program shows of a training: curves, confusion matrix, mistakes, first-layer filters.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include <kashi/io/image.hpp>
#include <kashi/nn/conv.hpp>
#include <kashi/plot/confusion_matrix.hpp>
#include <kashi/plot/contact_sheet.hpp>
#include <kashi/plot/filters.hpp>
#include <kashi/plot/line_chart.hpp>
#include <kashi/train/metrics.hpp>
#include <kashi/train/report.hpp>
#include <kashi/train/trainer.hpp>

namespace digits {

/// Recall of every class under its name; null for a class that the test part lacks.
inline std::map<std::string, double> recall_by_name(const kashi::train::ConfusionMatrix& confusion, const std::vector<std::string>& names) {
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

/// The test images that the network got wrong, with truth and guess under each.
inline kashi::plot::Image mistakes_sheet(const kashi::data::Dataset& test, const std::vector<kashi::Index>& guesses, const std::vector<std::string>& names) {
  using namespace kashi;
  constexpr std::size_t most = 40;
  std::vector<plot::Image> pictures;
  std::vector<std::string> captions;
  for (Index i = 0; i < test.size() && pictures.size() < most; ++i) {
    const auto guess = static_cast<std::size_t>(guesses[static_cast<std::size_t>(i)]), truth = static_cast<std::size_t>(test.label(i));
    if (guess == truth) continue;
    pictures.push_back(io::to_bytes(test.get(i).image * 0.5f + 0.5f));
    captions.push_back("is " + names[truth] + ", taken for " + names[guess]);
  }
  const std::string title = pictures.empty() ? "No mistakes on the test images" : "Mistakes on the test images";
  return plot::contact_sheet(pictures, captions, {.title = title, .columns = pictures.size() < 8 ? static_cast<int>(std::max<std::size_t>(1, pictures.size())) : 8});
}

/// Puts the figures' cards and all pictures into the report.
inline void add_pictures(kashi::train::Report& report, const std::vector<kashi::train::EpochLog>& history, const kashi::train::ConfusionMatrix& confusion,
                         const std::vector<std::string>& names, const kashi::data::Dataset& test, const std::vector<kashi::Index>& guesses,
                         kashi::nn::Sequential<float>& net) {
  using namespace kashi;
  report.headline("test_accuracy", {.label = "test accuracy", .format = train::Format::percent, .note = std::to_string(test.size()) + " images held out"});
  report.headline("train_accuracy", {.label = "training accuracy", .format = train::Format::percent});
  report.headline("parameters", {});
  report.headline("seconds", {.format = train::Format::seconds});
  report.picture("Training", "curves.png",
                 plot::line_chart({{.name = "training", .y = column(history, "train_loss")}, {.name = "validation", .y = column(history, "val_loss")}},
                                  {.title = "Loss", .x_label = "epoch"}),
                 "Loss after each epoch. Training images are augmented and dropout is on, so their loss may lie above.");
  report.picture("Training", "accuracy.png", plot::line_chart({{.name = "validation", .y = column(history, "val_accuracy")}}, {.title = "Accuracy", .x_label = "epoch"}),
                 "Share of right answers on the validation part after each epoch.");
  report.picture("Test", "confusion.png", plot::confusion_matrix(confusion.counts(), names), "Rows: what the images show. Columns: what the network took them for.");
  report.picture("Test", "mistakes.png", mistakes_sheet(test, guesses, names), "All test images that were taken for another digit; some labels are wrong or doubtful.");
  const auto& first = dynamic_cast<const nn::Conv2d<float>&>(net.find("0.0"));
  report.picture("Inside", "filters.png", plot::filter_sheet(first.weight().value(), {.title = "Filters of the first layer"}), "Filters of the first layer; each is scaled by its own largest weight.");
  report.file("best.safetensors", "the weights of the best epoch");
  report.file("log.csv", "every epoch's figures");
}

}  // namespace digits
