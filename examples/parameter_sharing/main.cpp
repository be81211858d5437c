/// What parameter sharing does to training: a convolution, the same without sharing (locally connected), and dense
/// layers learn the same tasks from more and more pictures: digits in the middle, which are then moved, and digits
/// anywhere.
///
///     parameter_sharing                  drawn digits
///     parameter_sharing --data FOLDER    3_0012.png, ... : the label is the name's beginning
#include <cstdio>

#include <kashi/data/split.hpp>
#include <kashi/nn/loss.hpp>
#include <kashi/nn/summary.hpp>
#include <kashi/optim/adam.hpp>
#include <kashi/optim/cosine_lr.hpp>
#include <kashi/plot/contact_sheet.hpp>
#include <kashi/plot/line_chart.hpp>
#include <kashi/train/schedule.hpp>

#include "common/program.hpp"
#include "parameter_sharing/pictures.hpp"

using namespace kashi;

namespace {

using examples::Flags;
using sharing::Kind;
using sharing::Network;

/// The extent of the experiment.
struct Plan {
  std::vector<Index> sizes;  ///< training pictures
  Index repeats = 0;         ///< with other weights and other pictures
  Index shown = 0;           ///< pictures that every training sees, however few there are: it sees them more often
  Index tested = 0;
  Index batch = 32;
};

Plan plan_for(const Flags& flags) {
  Plan plan = flags.quick ? Plan{.sizes = {16, 64, 256}, .repeats = 1, .shown = 6400, .tested = 200}
                          : Plan{.sizes = {16, 64, 256, 1024}, .repeats = 2, .shown = 8'192, .tested = 500};
  if (flags.epochs > 0) plan.shown = flags.epochs * plan.sizes.back();
  if (flags.batch > 0) plan.batch = flags.batch;
  return plan;
}

/// Means over the repetitions.
struct Findings {
  Index parameters = 0, multiplications = 0;
  std::vector<double> accuracy{};           ///< pictures in the middle, for each size of the training set
  std::vector<double> anywhere_accuracy{};  ///< pictures anywhere, in training and test
  std::vector<double> moved_accuracy{};     ///< of the largest training in the middle, for each distance
  double equivariance_error = 0;            ///< how far the last map of a moved picture is from the moved map
  double gradient_signal_to_noise = 0;      ///< of the first layer's weights before training, pictures anywhere
};

using sharing::furthest;

double accuracy(train::Trainer& trainer, const data::Dataset& pictures) {
  return trainer.evaluate(pictures, {.batch = 250}).at("accuracy");
}

/// Trains a fresh network. The number of steps is the same for every size.
void learn(train::Trainer& trainer, const data::Dataset& pictures, const Plan& plan, std::uint64_t seed) {
  const Index steps_an_epoch = (pictures.size() + plan.batch - 1) / plan.batch;
  const Index epochs = std::max<Index>(1, plan.shown / (plan.batch * steps_an_epoch));
  const auto schedule = std::make_shared<optim::CosineAnnealingLR>(
      trainer.optimizer(), optim::CosineAnnealingLROptions{.T_max = epochs * steps_an_epoch});
  trainer.fit(pictures, {.epochs = epochs,
                         .batch = plan.batch,
                         .seed = seed,
                         .workers = 0,
                         .callbacks = {std::make_shared<train::Schedule>(schedule, train::Every::step)}});
}

/// The last map [5,5,32] of one picture.
Tensor<float> last_map(Network& net, const Tensor<float>& picture) {
  const NoGrad no_grad;
  const Tensor<float> map =
      net.find("features")(Variable<float>(picture.reshape({1, sharing::image_size, sharing::image_size, 1}))).value();
  return map.reshape({sharing::map_size, sharing::map_size, sharing::map_channels});
}

/// |map of the moved picture - moved map| / |moved map| for a move by one step of the map, over the places that both
/// have.
double equivariance_error(Network& net, const data::Dataset& ink, Index pictures) {
  double difference = 0, size = 0;
  for (Index i = 0; i < pictures; ++i) {
    const Tensor<float> picture = ink.get(i).image;
    const Tensor<float> here = last_map(net, sharing::placed(picture, 0, 0)),
                        there = last_map(net, sharing::placed(picture, 0, sharing::map_stride));
    for (Index y = 0; y < sharing::map_size; ++y)
      for (Index x = 0; x + 1 < sharing::map_size; ++x)
        for (Index c = 0; c < sharing::map_channels; ++c) {
          const double wanted = static_cast<double>(here(y, x, c)), found = static_cast<double>(there(y, x + 1, c));
          difference += (found - wanted) * (found - wanted);
          size += wanted * wanted;
        }
  }
  return std::sqrt(difference / size);
}

/// The median over the first layer's weights of |mean| / deviation of the gradient from batch to batch.
double signal_to_noise(const Network& net, const data::Dataset& pictures, const Plan& plan, std::uint64_t seed) {
  const Variable<float> weight = net.parameters().front();
  std::vector<double> sum(static_cast<std::size_t>(weight.numel())), squares = sum;
  double batches = 0;
  for (const data::Batch& batch :
       data::Loader(pictures, {.batch = plan.batch, .shuffle = true, .seed = seed, .workers = 0, .drop_last = true})
           .epoch(0)) {
    const Tensor<float> gradient = grad(cross_entropy(net(batch.images), batch.labels), weight).value();
    for (std::size_t i = 0; i < sum.size(); ++i) {
      const double g = static_cast<double>(gradient.data()[i]);
      sum[i] += g;
      squares[i] += g * g;
    }
    ++batches;
  }
  std::vector<double> ratios;
  for (std::size_t i = 0; i < sum.size(); ++i) {
    const double mean = sum[i] / batches, variance = squares[i] / batches - mean * mean;
    if (variance > 1e-20) ratios.push_back(std::abs(mean) / std::sqrt(variance));  // others see the empty margin only
  }
  if (ratios.empty()) return 0;
  const auto middle = ratios.begin() + static_cast<std::ptrdiff_t>(ratios.size() / 2);
  std::nth_element(ratios.begin(), middle, ratios.end());
  return *middle;
}

/// The mean accuracy when the pictures of a test are moved up, down, left and right.
double accuracy_when_moved(train::Trainer& trainer, const data::Dataset& test, Index distance) {
  if (distance == 0) return accuracy(trainer, sharing::moved(test, 0, 0));
  double sum = 0;
  for (const Index sign : {-1, 1})
    sum += accuracy(trainer, sharing::moved(test, sign * distance, 0)) +
           accuracy(trainer, sharing::moved(test, 0, sign * distance));
  return sum / 4;
}

/// One kind of network in all trainings.
Findings examine(const Kind& kind, const data::Dataset& ink, const data::Dataset& test, Index classes, const Plan& plan,
                 std::uint64_t seed) {
  Findings out;
  const double share = 1.0 / static_cast<double>(plan.repeats);
  out.accuracy.assign(plan.sizes.size(), 0);
  out.anywhere_accuracy = out.accuracy;
  out.moved_accuracy.assign(static_cast<std::size_t>(furthest) + 1, 0);
  const data::Dataset test_in_the_middle = sharing::moved(test, 0, 0).cached(),
                      test_anywhere = sharing::scattered(test, seed).cached();
  for (Index repeat = 0; repeat < plan.repeats; ++repeat) {
    const std::uint64_t run = seed + static_cast<std::uint64_t>(repeat);
    const auto train_on = [&](const data::Dataset& pictures, auto&& measure) {
      manual_seed(run);
      Network net = kind.make(classes);
      train::Trainer trainer(net, optim::AdamW(net.parameters(), {.lr = 3e-3}), nn::CrossEntropyLoss());
      const data::Dataset kept = pictures.cached();
      learn(trainer, kept, plan, run);
      measure(net, trainer);
    };
    for (std::size_t s = 0; s < plan.sizes.size(); ++s) {
      const data::Dataset part = sharing::balanced_part(ink, plan.sizes[s], classes, run);
      const bool is_largest = s + 1 == plan.sizes.size();
      train_on(sharing::scattered(part, run), [&](Network&, train::Trainer& trainer) {
        out.anywhere_accuracy[s] += share * accuracy(trainer, test_anywhere);
      });
      train_on(sharing::moved(part, 0, 0), [&](Network& net, train::Trainer& trainer) {
        out.accuracy[s] += share * accuracy(trainer, test_in_the_middle);
        for (Index distance = 0; is_largest && distance <= furthest; ++distance)
          out.moved_accuracy[static_cast<std::size_t>(distance)] +=
              share * accuracy_when_moved(trainer, test, distance);
        if (is_largest)
          out.equivariance_error += share * equivariance_error(net, test, std::min<Index>(50, test.size()));
      });
    }
    manual_seed(run);
    Network fresh = kind.make(classes);
    out.gradient_signal_to_noise +=
        share * signal_to_noise(fresh,
                                sharing::scattered(sharing::balanced_part(ink, plan.sizes.back(), classes, run), run),
                                plan, run);
    const nn::SummaryTotal total = nn::summary(fresh, {1, sharing::image_size, sharing::image_size, 1}).total;
    out.parameters = total.parameters;
    out.multiplications = total.operations.multiplications;
  }
  return out;
}

std::string percent(double share) {
  char buffer[32];
  std::snprintf(buffer, sizeof buffer, "%.1f", 100 * share);
  return buffer;
}

std::string brief(double value) {
  char buffer[32];
  std::snprintf(buffer, sizeof buffer, "%.2g", value);
  return buffer;
}

std::vector<double> in_percent(std::vector<double> shares) {
  for (double& share : shares) share *= 100;
  return shares;
}

plot::Image accuracy_chart(const std::vector<Findings>& all, const Plan& plan, std::vector<double> Findings::*accuracy,
                           const std::string& title) {
  std::vector<plot::Series> series;
  for (std::size_t k = 0; k < all.size(); ++k) {
    plot::Series one{.name = sharing::kinds()[k].name, .y = in_percent(all[k].*accuracy)};
    for (const Index size : plan.sizes) one.x.push_back(std::log2(static_cast<double>(size)));
    series.push_back(one);
  }
  return plot::line_chart(series, {.title = title,
                                   .x_label = "training pictures, as a power of 2",
                                   .y_label = "accuracy in %",
                                   .y_low = 20,
                                   .y_high = 100});
}

plot::Image shift_chart(const std::vector<Findings>& all) {
  std::vector<plot::Series> series;
  for (std::size_t k = 0; k < all.size(); ++k) {
    plot::Series one{.name = sharing::kinds()[k].name, .y = in_percent(all[k].moved_accuracy)};
    for (Index d = 0; d <= furthest; ++d) one.x.push_back(static_cast<double>(d));
    series.push_back(one);
  }
  return plot::line_chart(series, {.title = "Accuracy when the pictures are moved",
                                   .x_label = "distance in pixels",
                                   .y_label = "accuracy in %",
                                   .y_low = 0,
                                   .y_high = 100});
}

plot::Image picture_sheet(const data::Dataset& test) {
  std::vector<plot::Image> pictures;
  std::vector<std::string> captions;
  for (const Index distance : {Index{0}, furthest}) {
    for (Index i = 0; i < std::min<Index>(8, test.size()); ++i) {
      const data::Example example = test.get(i);
      pictures.push_back(io::to_bytes(1.0f - sharing::placed(example.image, 0, distance) / 3.0f));
      captions.push_back(distance == 0 ? "as trained" : "moved by " + std::to_string(distance));
    }
  }
  return plot::contact_sheet(pictures, captions, {.title = "What the networks see", .columns = 8, .cell = 108});
}

void write_report(const examples::Program& program, const std::vector<Findings>& all, const Plan& plan,
                  const data::Dataset& test) {
  train::Report report(
      "Parameter sharing",
      "Four networks of the same shape learn the same task: with the same weights everywhere (convolution), with other "
      "weights at every place (locally connected), and with a weight for every pair of numbers (dense).");
  nlohmann::ordered_json networks;
  std::vector<std::string> columns{"network", "parameters", "multiplications"};
  for (const char* where : {" in the middle, %", " anywhere, %"})
    for (const Index size : plan.sizes) columns.push_back(std::to_string(size) + where);
  for (const char* column :
       {"moved by 1, %", "moved by 4, %", "moved by 8, %", "equivariance error", "gradient's signal / noise"})
    columns.push_back(column);
  std::vector<std::vector<std::string>> rows;
  for (std::size_t k = 0; k < all.size(); ++k) {
    const Findings& found = all[k];
    std::map<std::string, double> by_size, by_size_anywhere, by_distance;
    rows.push_back(
        {sharing::kinds()[k].name, nn::grouped_digits(found.parameters), nn::grouped_digits(found.multiplications)});
    for (const double value : found.accuracy) rows.back().push_back(percent(value));
    for (const double value : found.anywhere_accuracy) rows.back().push_back(percent(value));
    for (const std::size_t distance : {1u, 4u, 8u}) rows.back().push_back(percent(found.moved_accuracy[distance]));
    rows.back().push_back(brief(found.equivariance_error));
    rows.back().push_back(brief(found.gradient_signal_to_noise));
    for (std::size_t s = 0; s < plan.sizes.size(); ++s) {
      by_size[std::to_string(plan.sizes[s])] = found.accuracy[s];
      by_size_anywhere[std::to_string(plan.sizes[s])] = found.anywhere_accuracy[s];
    }
    for (std::size_t d = 0; d < found.moved_accuracy.size(); ++d)
      by_distance[std::to_string(d)] = found.moved_accuracy[d];
    networks[sharing::kinds()[k].name] = {{"parameters", found.parameters},
                                          {"multiplications", found.multiplications},
                                          {"accuracy", by_size},
                                          {"anywhere_accuracy", by_size_anywhere},
                                          {"moved_accuracy", by_distance},
                                          {"equivariance_error", found.equivariance_error},
                                          {"gradient_signal_to_noise", found.gradient_signal_to_noise}};
  }
  report.set("networks", networks);
  report.set("test_images", test.size());
  report.set("repeats", plan.repeats);
  report.table("Findings", columns, rows);
  report.text(
      "Findings",
      "Every training takes as many steps, whatever the number of pictures. In one task all digits lie in the middle; "
      "\"moved\" is the accuracy after its largest training when the test pictures are moved, mean of four directions. "
      "In the other they lie anywhere. Equivariance error: how far the last map of a picture that was moved by one "
      "step of the map is from the moved map. Signal / noise: mean over deviation of a first-layer weight's gradient "
      "from batch to batch, before training, digits anywhere; the median weight.");
  const std::string caption = text("Mean of ", plan.repeats, " trainings, ", test.size(), " test pictures.");
  report.picture("Findings", "anywhere.png",
                 accuracy_chart(all, plan, &Findings::anywhere_accuracy, "Digits anywhere in the picture"), caption);
  report.picture("Findings", "accuracy.png",
                 accuracy_chart(all, plan, &Findings::accuracy, "Digits always in the middle"), caption);
  report.picture(
      "Findings", "shift.png", shift_chart(all),
      "\"Convolution, max\" takes the largest number of each channel of its last map; the others see every place.");
  report.picture("Pictures", "pictures.png", picture_sheet(test), "Test pictures, in the middle and moved.");
  program.add_common_figures(report);
  report.save(program.out());
}

int run(const examples::Program& program, const Flags& flags) {
  require(flags.weights.empty(), "parameter_sharing trains its networks itself and takes no --weights");
  io::make_output_folder(program.out());
  const Plan plan = plan_for(flags);
  if (flags.data.empty()) std::fprintf(stderr, "no --data given: drawn digits\n");
  const data::Dataset ink = sharing::load_ink(flags.data, plan.sizes.back() + plan.tested, flags.seed);
  const auto classes = static_cast<Index>(ink.class_names().size());
  require(classes > 1, "parameter_sharing: the images in '", flags.data, "' are all of one class");
  const auto [learnt, test] = data::split(
      ink, {.train = static_cast<double>(plan.sizes.back()) / static_cast<double>(plan.sizes.back() + plan.tested),
            .seed = flags.seed});
  std::vector<Findings> all;
  for (const Kind& kind : sharing::kinds()) {
    all.push_back(examine(kind, learnt, test, classes, plan, flags.seed));
    const Findings& found = all.back();
    std::printf(
        "%-18s %9s parameters; digits anywhere: %s %% after %ld pictures, %s %% after %ld; in the middle: %s %% after "
        "%ld, then moved by %ld pixels %s %%\n",
        kind.name.c_str(), nn::grouped_digits(found.parameters).c_str(),
        percent(found.anywhere_accuracy.front()).c_str(), static_cast<long>(plan.sizes.front()),
        percent(found.anywhere_accuracy.back()).c_str(), static_cast<long>(plan.sizes.back()),
        percent(found.accuracy.back()).c_str(), static_cast<long>(plan.sizes.back()), static_cast<long>(furthest),
        percent(found.moved_accuracy.back()).c_str());
    std::fflush(stdout);
  }
  write_report(program, all, plan, test);
  std::printf("results are in %s (open %s/report.html)\n", flags.out.c_str(), flags.out.c_str());
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  examples::Program program("parameter_sharing",
                            "Shows what parameter sharing does to training: convolution, locally connected and dense "
                            "layers on the same task.");
  return program.run(argc, argv, [&] { return run(program, program.flags()); });
}
