/// One run of the experiment with one seed: trains the matcher and the readers, and measures both on scenes held out.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include <kashi/explain/explain.hpp>
#include <kashi/nn/loss.hpp>
#include <kashi/nn/summary.hpp>
#include <kashi/optim/adam.hpp>
#include <kashi/optim/one_cycle.hpp>
#include <kashi/train/progress.hpp>
#include <kashi/train/schedule.hpp>
#include <kashi/train/trainer.hpp>

#include "vqa_crop/reader.hpp"

namespace vqa {

/// The extent of a run.
struct Plan {
  Index scenes = 0;          ///< that an epoch of the matcher draws
  Index epochs = 0;          ///< of the matcher
  Index reading_scenes = 0;  ///< that the readers learn from
  Index reading_epochs = 0;
  Index tested = 0;  ///< scenes held out
  Index batch = 32;
  kashi::explain::Method method = kashi::explain::Method::grad_cam;
  std::filesystem::path checkpoints{};
  bool resume = false;
};

/// Ctrl-C came during a training.
struct Interrupted {};

/// What a reader may be shown, in the order of the report.
enum View { whole, centre, random_place, salience, predicted, true_place };
inline constexpr std::size_t views = 6;
inline constexpr std::array<const char*, views> view_names{"whole scene",   "centre crop",     "random crop",
                                                           "salience crop", "crop by the map", "true crop"};

/// All crops of one puzzle by view, of one side but for the whole scene.
using Crops = std::vector<Crop>;

/// A trained matcher, and how it is asked where to look.
class Finder {
 public:
  Finder(Matcher& matcher, std::uint64_t seed) : matcher_(matcher) {
    using namespace kashi;
    const auto summary = nn::summary(matcher.encoder(), {1, scene_size, scene_size, 3});
    const auto& columns = *summary.layers.back().columns;
    geometry_ = {.first = columns.centre() + 0.5, .step = columns.jump()};
    // What any question sees: the mean vector of many.
    std::vector<float> bags;
    constexpr Index many = 256;
    for (Index i = 0; i < many; ++i) {
      RandomStream random(seed, general_stream, i);
      const Scene scene = random_scene(random);
      const auto bag = random_question(scene, random).question.bag();
      bags.insert(bags.end(), bag.begin(), bag.end());
    }
    const NoGrad no_grad;
    general_ = mean(matcher.question_vectors(Tensor<float>({many, words}, bags)), {0}, true).value();
  }

  /// The vector of a question, [1,channels].
  Tensor<float> vector_of(const Question& question) const {
    const kashi::NoGrad no_grad;
    const auto bag = question.bag();
    return matcher_.question_vectors(Tensor<float>({1, words}, {bag.begin(), bag.end()})).value();
  }
  /// The mean vector of many questions: what stands out whatever is asked.
  const Tensor<float>& general_vector() const { return general_; }

  /// Where the scene carries the matching score with a vector: what a place has above the mean of all places, as a map
  /// of 0..1. The evidence itself may be negative everywhere, since the score's bias can make up for any constant.
  Tensor<float> map(const Tensor<float>& picture, const Tensor<float>& vector, kashi::explain::Method method) const {
    const auto score = [&](const Variable<float>& maps) {
      return matcher_.scores(maps, Variable<float>(kashi::explain::detail::repeat(vector, maps.size(0))));
    };
    kashi::explain::ExplainOptions options;
    options.shap_cam.permutations = 2;
    options.shap_cam.worth = kashi::explain::Worth::score;
    kashi::explain::Map<float> map =
        kashi::explain::explain(method, matcher_.encoder(), "map", picture, score, options);
    map.raw = map.raw - mean(map.raw);
    return map.shown();
  }

  /// The square that the map points at.
  Crop region(const Tensor<float>& map) const {
    return find_region(map, map.size(1) == scene_size ? MapGeometry{} : geometry_);
  }

  /// The crops of all views. The side is that of the predicted one.
  Crops crops(const Puzzle& puzzle, kashi::explain::Method method, RandomStream& random) const {
    constexpr double middle = static_cast<double>(scene_size) / 2;
    Crops out(views);
    out[predicted] = region(map(puzzle.picture, vector_of(puzzle.question), method));
    const Index side = out[predicted].side;
    out[whole] = whole_scene();
    out[centre] = crop_around(middle, middle, side);
    out[random_place] = {random.below(scene_size - side + 1), random.below(scene_size - side + 1), side};
    const Crop standing_out = region(map(puzzle.picture, general_, method));
    out[salience] = crop_around(standing_out.centre_x(), standing_out.centre_y(), side);
    out[true_place] = crop_around(puzzle.asked().x, puzzle.asked().y, side);
    return out;
  }

 private:
  static constexpr Index general_stream = 9;
  Matcher& matcher_;
  MapGeometry geometry_;
  Tensor<float> general_;
};

/// Streams of puzzles.
inline constexpr Index reading_stream = 1, test_stream = 2, crop_stream = 3;

struct Findings {
  double match_accuracy = 0;                  ///< yes or no about held-out scenes, half of each
  std::array<double, views> hit{}, answer{};  ///< share of crops that hold the object, of right answers
  double crop_share = 0;                      ///< mean area of a crop
  double mismatched_hit = 0;                  ///< of the asked object by the map of another scene's question
  std::map<std::string, double> hit_by_group{}, gain_by_group{};
  std::map<std::string, double> hit_by_method{};
};

namespace detail {

/// Trains with a one-cycle schedule; goes on from its checkpoint with --resume.
inline void learn(kashi::train::Trainer& trainer, const kashi::data::Dataset& examples, Index epochs, double lr,
                  const kashi::data::Transform& transform, const std::string& name, std::uint64_t seed,
                  const Plan& plan) {
  using namespace kashi;
  const Index steps = (examples.size() + plan.batch - 1) / plan.batch;
  const auto schedule = std::make_shared<optim::OneCycleLR>(
      trainer.optimizer(), optim::OneCycleLROptions{.max_lr = lr, .epochs = epochs, .steps_per_epoch = steps});
  const auto result =
      trainer.fit(examples, {.epochs = epochs,
                             .batch = plan.batch,
                             .seed = seed,
                             .workers = num_threads() > 1 ? 1 : 0,
                             .transform = transform,
                             .callbacks = {std::make_shared<train::Schedule>(schedule, train::Every::step),
                                           std::make_shared<train::ProgressBar>()},
                             .checkpoint = plan.checkpoints / text(name, "-", seed, ".safetensors"),
                             .resume = plan.resume});
  if (result.interrupted) throw Interrupted{};
  std::fprintf(stderr, "seed %llu: %s, loss %.3f\n", static_cast<unsigned long long>(seed), name.c_str(),
               result.history.empty() ? 0.0 : result.history.back().at("train_loss"));
}

inline void train_matcher(Matcher& matcher, std::uint64_t seed, const Plan& plan) {
  using namespace kashi;
  train::Trainer trainer(matcher, optim::AdamW(matcher.parameters(), {.lr = 1e-3, .weight_decay = 0.01}),
                         [&](const Variable<float>& maps, const data::Batch& batch) {
                           const MatchBatch asked(batch.targets);
                           return binary_cross_entropy_with_logits(
                               matcher.scores(maps, matcher.question_vectors(asked.bags)), asked.matches);
                         });
  learn(trainer, match_examples(plan.scenes), plan.epochs, 6e-3, draw_match_example, "matcher", seed, plan);
}

inline double match_accuracy(const Matcher& matcher, std::uint64_t seed, Index scenes) {
  using namespace kashi;
  const NoGrad no_grad;
  double right = 0, count = 0;
  for (Index i = 0; i < scenes; ++i) {
    data::Example example;
    RandomStream random(seed, test_stream + 10, i);
    draw_match_example(example, random);
    const MatchBatch asked(example.target.reshape({1, questions_a_scene, words + 1}));
    const Tensor<float> scores =
        matcher
            .scores(matcher(Variable<float>(example.image.reshape({1, scene_size, scene_size, 3}))),
                    matcher.question_vectors(asked.bags))
            .value();
    for (Index k = 0; k < questions_a_scene; ++k, ++count)
      right += (scores(k) > 0) == (asked.matches(k) > 0.5f) ? 1 : 0;
  }
  return right / count;
}

inline Reader train_reader(const kashi::data::Dataset& examples, Index epochs, const std::string& name,
                           std::uint64_t seed, const Plan& plan) {
  using namespace kashi;
  Reader reader;
  train::Trainer trainer(reader, optim::AdamW(reader.parameters(), {.lr = 1e-3, .weight_decay = 0.02}),
                         nn::CrossEntropyLoss());
  learn(trainer, examples, epochs, 6e-3, {}, name, seed, plan);
  reader.eval();
  return reader;
}

inline bool answers_right(const Reader& reader, const Puzzle& puzzle, const Crop& crop) {
  const kashi::NoGrad no_grad;
  const Variable<float> input(reader_input(puzzle, crop).reshape({1, reader_size, reader_size, reader_channels}));
  return argmax(reader(input).value())(0) == puzzle.asked().mark;
}

/// Readers of whole scenes and of crops, each trained on what it will be shown.
struct Readers {
  Reader of_scenes, of_crops;
};

inline Readers train_readers(const Finder& finder, std::uint64_t seed, const Plan& plan) {
  std::vector<Puzzle> puzzles;
  std::vector<std::vector<Crop>> scenes, crops;
  for (Index i = 0; i < plan.reading_scenes; ++i) {
    puzzles.push_back(make_puzzle(seed, reading_stream, i));
    RandomStream random(seed, crop_stream, i);
    const Crops all = finder.crops(puzzles.back(), plan.method, random);
    scenes.push_back({whole_scene()});
    crops.push_back({all[predicted], all[predicted], all[centre], all[salience]});
  }
  // Four crops a scene: as many steps for both.
  return {train_reader(reading_examples(puzzles, scenes), 4 * plan.reading_epochs, "reader-of-scenes", seed, plan),
          train_reader(reading_examples(puzzles, crops), plan.reading_epochs, "reader-of-crops", seed, plan)};
}

/// The names of the groups that an object belongs to.
inline std::array<std::string, 2> groups_of(const Object& object) {
  constexpr double middle = static_cast<double>(scene_size) / 2;
  const double away = std::max(std::abs(object.x - middle), std::abs(object.y - middle)) / middle;
  return {value_names[size_of][static_cast<std::size_t>(object.values[size_of])],
          away > 0.6 ? "near the margin" : "nearer the middle"};
}

}  // namespace detail

/// Shares of hits by method, over the first scenes of the test. Left out are CAM, which needs a mean over places, and
/// Score-CAM, which would mask the scene a channel at a time.
inline std::map<std::string, double> compare_methods(const Finder& finder, std::uint64_t seed, Index scenes) {
  using kashi::explain::Method;
  std::map<std::string, double> out;
  for (const auto& [method, name] : kashi::explain::methods()) {
    if (method == Method::cam || method == Method::score_cam) continue;
    double hits = 0;
    for (Index i = 0; i < scenes; ++i) {
      const Puzzle puzzle = make_puzzle(seed, test_stream, i);
      hits += finder.region(finder.map(puzzle.picture, finder.vector_of(puzzle.question), method)).holds(puzzle.asked())
                  ? 1
                  : 0;
    }
    out[name] = hits / static_cast<double>(scenes);
  }
  return out;
}

/// Trains and measures. Throws Interrupted.
inline Findings run_experiment(Matcher& matcher, std::uint64_t seed, const Plan& plan) {
  detail::train_matcher(matcher, seed, plan);
  matcher.eval();
  const Finder finder(matcher, seed);
  const detail::Readers readers = detail::train_readers(finder, seed, plan);
  Findings out{.match_accuracy = detail::match_accuracy(matcher, seed, plan.tested)};
  std::map<std::string, double> counts;
  for (Index i = 0; i < plan.tested; ++i) {
    const Puzzle puzzle = make_puzzle(seed, test_stream, i);
    RandomStream random(seed, crop_stream, plan.reading_scenes + i);
    const Crops crops = finder.crops(puzzle, plan.method, random);
    std::array<bool, views> right{};
    for (std::size_t v = 0; v < views; ++v) {
      right[v] = detail::answers_right(v == whole ? readers.of_scenes : readers.of_crops, puzzle, crops[v]);
      out.hit[v] += crops[v].holds(puzzle.asked()) ? 1 : 0;
      out.answer[v] += right[v] ? 1 : 0;
    }
    out.crop_share += crops[predicted].share();
    const Question other = make_puzzle(seed, test_stream, (i + 1) % plan.tested).question;
    out.mismatched_hit +=
        finder.region(finder.map(puzzle.picture, finder.vector_of(other), plan.method)).holds(puzzle.asked()) ? 1 : 0;
    for (const std::string& group : detail::groups_of(puzzle.asked())) {
      ++counts[group];
      out.hit_by_group[group] += crops[predicted].holds(puzzle.asked()) ? 1 : 0;
      out.gain_by_group[group] += (right[predicted] ? 1 : 0) - (right[whole] ? 1 : 0);
    }
  }
  const auto tested = static_cast<double>(plan.tested);
  for (double* figure : {&out.crop_share, &out.mismatched_hit}) *figure /= tested;
  for (std::size_t v = 0; v < views; ++v) {
    out.hit[v] /= tested;
    out.answer[v] /= tested;
  }
  for (const auto& [group, count] : counts) {
    out.hit_by_group[group] /= count;
    out.gain_by_group[group] /= count;
  }
  return out;
}

}  // namespace vqa
