/// What a network says of pictures, and how the classify program shows it.
#pragma once

#include <chrono>
#include <numeric>
#include <string>
#include <vector>

#include <kashi/io/atomic_file.hpp>
#include <kashi/nn/container.hpp>
#include <kashi/plot/contact_sheet.hpp>
#include <kashi/train/report.hpp>

#include "classify/photographs.hpp"

namespace classify {

/// The likeliest classes of one picture, best first.
struct Answer {
  std::string name;
  Index truth = -1;
  std::vector<Index> classes;
  std::vector<double> probabilities;
};

struct Answers {
  std::vector<Answer> answers;
  double milliseconds_per_image = 0;  ///< of the network alone, without reading and cropping

  /// Share of the pictures whose true class is among the first `count`, of those whose class is known.
  double accuracy(std::size_t count) const {
    Index known = 0, right = 0;
    for (const Answer& answer : answers) {
      if (answer.truth < 0) continue;
      const auto end = answer.classes.begin() + static_cast<std::ptrdiff_t>(std::min(count, answer.classes.size()));
      ++known;
      right += std::find(answer.classes.begin(), end, answer.truth) != end ? 1 : 0;
    }
    return known > 0 ? static_cast<double>(right) / static_cast<double>(known) : 0;
  }
  bool has_truth() const {
    return std::any_of(answers.begin(), answers.end(), [](const Answer& answer) { return answer.truth >= 0; });
  }
};

/// The five largest of a row of probabilities; of equals the first.
inline Answer best_of(const Photograph& picture, const Tensor<float>& probabilities) {
  Answer out{.name = picture.name, .truth = picture.truth, .classes = {}, .probabilities = {}};
  std::vector<Index> order(static_cast<std::size_t>(probabilities.numel()));
  std::iota(order.begin(), order.end(), Index{0});
  const std::size_t count = std::min<std::size_t>(5, order.size());
  const float* values = probabilities.data();
  std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(count), order.end(),
                    [values](Index a, Index b) { return values[a] > values[b] || (values[a] == values[b] && a < b); });
  for (std::size_t i = 0; i < count; ++i) {
    out.classes.push_back(order[i]);
    out.probabilities.push_back(static_cast<double>(values[order[i]]));
  }
  return out;
}

/// Classifies all pictures, `batch` at a time. The network must be in eval mode.
inline Answers answer(const kashi::nn::Module<float>& net, const kashi::models::Preset& preset,
                      const std::vector<Photograph>& pictures, Index batch) {
  using namespace kashi;
  using Clock = std::chrono::steady_clock;
  const NoGrad no_grad;
  Answers out;
  double seconds = 0;
  for (std::size_t begin = 0; begin < pictures.size(); begin += static_cast<std::size_t>(batch)) {
    const std::size_t end = std::min(pictures.size(), begin + static_cast<std::size_t>(batch));
    std::vector<Tensor<float>> inputs;
    for (std::size_t i = begin; i < end; ++i) inputs.push_back(examples::input_of(pictures[i].read(), preset));
    const Tensor<float> input = stack(inputs);
    if (begin == 0) net(input);  // the first run packs weights and asks for memory
    const auto start = Clock::now();
    const Tensor<float> probabilities = softmax(net(input)).value();
    seconds += std::chrono::duration<double>(Clock::now() - start).count();
    for (std::size_t i = begin; i < end; ++i)
      out.answers.push_back(best_of(pictures[i], probabilities[static_cast<Index>(i - begin)]));
  }
  out.milliseconds_per_image = 1000 * seconds / static_cast<double>(pictures.size());
  return out;
}

inline std::string percent(double share) {
  char text[16];
  std::snprintf(text, sizeof text, "%.1f %%", 100 * share);
  return text;
}

/// A picture's name and a line for each class: probability and name.
inline std::string to_text(const Answer& answer, const std::vector<std::string>& labels) {
  std::string out = answer.name + "\n";
  for (std::size_t i = 0; i < answer.classes.size(); ++i) {
    char line[32];
    std::snprintf(line, sizeof line, "  %6.2f %%  ", 100 * answer.probabilities[i]);
    out += kashi::text(line, labels[static_cast<std::size_t>(answer.classes[i])], "\n");
  }
  return out;
}

inline std::string accuracy_text(const Answers& answers) {
  return answers.has_truth()
             ? kashi::text("top-1 ", percent(answers.accuracy(1)), ", top-5 ", percent(answers.accuracy(5)), ", ")
             : "";
}

inline void add_accuracy(kashi::train::Report& report, const Answers& answers) {
  if (!answers.has_truth()) return;
  report.set("top1", answers.accuracy(1));
  report.set("top5", answers.accuracy(5));
  report.headline("top1", {.label = "right at first", .format = kashi::train::Format::percent});
  report.headline("top5", {.label = "right among five", .format = kashi::train::Format::percent});
}

/// The sheet of pictures as the network saw them, and a table of all answers.
inline void add_pictures(kashi::train::Report& report, const std::vector<Photograph>& pictures,
                         const kashi::models::Preset& preset, const Answers& answers,
                         const std::vector<std::string>& labels) {
  using namespace kashi;
  constexpr std::size_t most = 200;
  const plot::Color right{46, 125, 50}, wrong{198, 40, 40}, unknown{150, 150, 150};
  std::vector<plot::Image> shown;
  std::vector<std::string> captions;
  std::vector<plot::Color> frames;
  std::vector<std::vector<std::string>> rows;
  for (std::size_t i = 0; i < pictures.size(); ++i) {
    const Answer& answer = answers.answers[i];
    std::string all;
    for (std::size_t k = 0; k < answer.classes.size(); ++k)
      all += text(k == 0 ? "" : ", ", labels[static_cast<std::size_t>(answer.classes[k])], " ",
                  percent(answer.probabilities[k]));
    rows.push_back({answer.name, all});
    if (shown.size() == most) continue;
    shown.push_back(io::to_bytes(examples::seen_part(pictures[i].read(), preset)));
    captions.push_back(
        text(labels[static_cast<std::size_t>(answer.classes[0])], "\n", percent(answer.probabilities[0])));
    const bool is_known = answer.truth >= 0 && static_cast<std::size_t>(answer.truth) < labels.size();
    if (is_known && answer.truth != answer.classes[0])
      captions.back() += text("\nis ", labels[static_cast<std::size_t>(answer.truth)]);
    frames.push_back(!is_known ? unknown : answer.truth == answer.classes[0] ? right : wrong);
  }
  report.headline("ms_per_image", {.label = "milliseconds a picture"});
  const std::string key = answers.has_truth() ? " Green frames: right; red: wrong, with what it is." : "";
  report.picture(
      "Answers", "sheet.png",
      plot::contact_sheet(shown, captions, {.title = "What the network takes them for", .frames = frames}),
      "The part of each picture that the network sees, its likeliest class and that class's probability." + key);
  report.table("All answers", {"picture", "likeliest classes"}, rows);
  report.file("predictions.csv", "the five likeliest classes of every picture, as class indices");
}

/// file,top1,...,top5, as class indices.
inline void save_predictions(const std::filesystem::path& path, const Answers& answers) {
  std::string out = "file,top1,top2,top3,top4,top5\n";
  for (const Answer& answer : answers.answers) {
    const char* quote = answer.name.find(',') == std::string::npos ? "" : "\"";
    out += kashi::text(quote, answer.name, quote);
    for (std::size_t i = 0; i < 5; ++i) out += i < answer.classes.size() ? kashi::text(",", answer.classes[i]) : ",";
    out += "\n";
  }
  kashi::io::write_atomically(path, std::as_bytes(std::span(out)));
}

}  // namespace classify
