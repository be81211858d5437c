/// Learns handwritten digits from a folder of pictures, or from drawn ones, and classifies pictures.
///
///     digits                                    trains on drawn handwriting
///     digits --data FOLDER                      trains on 3_0012.png, ... : the label is the name's beginning
///     digits --predict a.png b.png --weights out/digits/best.safetensors
#include <cstdio>

#include <kashi/data/image_folder.hpp>
#include <kashi/data/split.hpp>
#include <kashi/data/synthetic.hpp>
#include <kashi/nn/loss.hpp>
#include <kashi/optim/adam.hpp>
#include <kashi/optim/one_cycle.hpp>
#include <kashi/train/early_stopping.hpp>
#include <kashi/train/progress.hpp>
#include <kashi/train/schedule.hpp>

#include "common/fit_ending.hpp"
#include "common/program.hpp"
#include "common/read_all.hpp"
#include "digits/network.hpp"
#include "digits/pictures.hpp"

using namespace kashi;

namespace {

/// The parts of the data: 80 % for training, of which a tenth decides when to stop, and 20 % that only the end sees.
struct Parts {
  data::Dataset train;     // without augmentation, for the figures
  data::Dataset learning;  // the part that is learnt from
  data::Dataset validation;
  data::Dataset test;
};

data::Dataset load_images(const examples::Flags& flags) {
  if (!flags.data.empty()) {
    const data::Dataset images = data::image_folder(flags.data, data::label_from_name);
    require(images.class_names().size() > 1, "digits: the images in '", flags.data, "' are all of one class, \"",
            images.class_names().front(), "\"; their names must begin with the label, as in 3_0012.png");
    return images;
  }
  const Index count = flags.quick ? 800 : 2000;
  std::fprintf(stderr, "no --data given: drawing %ld digits\n", static_cast<long>(count));
  return data::handwritten_digits({.count = count, .size = digits::image_size, .seed = flags.seed});
}

Parts split_images(const data::Dataset& images, std::uint64_t seed) {
  const data::Dataset resized = images.map(digits::resize()).cached();
  examples::read_all(resized);
  const auto [train, test] = data::split(resized, {.train = 0.8, .seed = seed});
  const auto [learning, validation] = data::split(train, {.train = 0.9, .seed = seed});
  return {train.map(digits::normalize()), learning, validation.map(digits::normalize()).cached(),
          test.map(digits::normalize())};
}

int learn(examples::Program& program) {
  const examples::Flags& flags = program.flags();
  io::make_output_folder(program.out());
  const data::Dataset images = load_images(flags);
  const std::vector<std::string> names = images.class_names();
  const auto classes = static_cast<Index>(names.size());
  const Parts parts = split_images(images, flags.seed);
  const Index epochs = flags.epochs > 0 ? flags.epochs
                       : flags.quick    ? 8
                                        : 30,
              batch = flags.batch > 0 ? flags.batch : 32;

  nn::Sequential net = digits::network(classes);
  train::Trainer trainer(net, optim::AdamW(net.parameters(), {.lr = 1e-3, .weight_decay = 0.05}),
                         nn::CrossEntropyLoss({.label_smoothing = 0.05}));
  const Index steps = (parts.learning.size() + batch - 1) / batch;
  const auto schedule = std::make_shared<optim::OneCycleLR>(
      trainer.optimizer(), optim::OneCycleLROptions{.max_lr = 5e-3, .epochs = epochs, .steps_per_epoch = steps});
  const auto best = std::make_shared<train::BestModel>(
      train::BestModelOptions{.path = program.out() / "best.safetensors", .metadata = digits::metadata(names)});
  std::fprintf(stderr,
               "%ld images of %ld classes: %ld to learn from, %ld for validation, %ld for the test; %ld parameters\n",
               static_cast<long>(images.size()), static_cast<long>(classes), static_cast<long>(parts.learning.size()),
               static_cast<long>(parts.validation.size()), static_cast<long>(parts.test.size()),
               static_cast<long>(examples::count_parameters(net)));

  program.begin_run();
  const train::InterruptGuard guard;
  const train::FitResult result =
      trainer.fit(parts.learning,
                  {.epochs = epochs,
                   .batch = batch,
                   .seed = flags.seed,
                   .workers = num_threads() > 1 ? 1 : 0,
                   .transform = digits::training_transform(),
                   .validation = parts.validation,
                   .callbacks = {std::make_shared<train::Schedule>(schedule, train::Every::step), best,
                                 std::make_shared<train::EarlyStopping>(train::EarlyStoppingOptions{.patience = 12}),
                                 std::make_shared<train::CsvLog>(program.out() / "log.csv"),
                                 std::make_shared<train::ProgressBar>()},
                   .checkpoint = program.checkpoint(),
                   .resume = flags.resume});
  if (const auto ending = examples::ending_of(program, result)) return *ending;

  net.eval();
  const examples::Answers train_answers = examples::answer_all(net, parts.train, classes),
                          test_answers = examples::answer_all(net, parts.test, classes);
  train::Report report("Handwritten digits", "A convolutional network learns digits from " +
                                                 std::to_string(parts.learning.size()) + " pictures.");
  report.set("train_accuracy", train_answers.confusion.value());
  report.set("test_accuracy", test_answers.confusion.value());
  report.set("recall", examples::recall_by_name(test_answers.confusion, names));
  report.set("epochs", result.epochs);
  report.set("best_epoch", best->epoch());
  report.set("images_per_second", examples::mean_rate(result.history));
  report.set("parameters", examples::count_parameters(net));
  program.add_common_figures(report);
  digits::add_pictures(report, result.history, test_answers.confusion, names, parts.test, test_answers.guesses, net);
  report.save(program.out());
  std::printf("test accuracy %.4f, training accuracy %.4f, %.0f s\nresults are in %s (open %s/report.html)\n",
              test_answers.confusion.value(), train_answers.confusion.value(), program.seconds(), flags.out.c_str(),
              flags.out.c_str());
  return 0;
}

int classify(const examples::Flags& flags, const std::vector<std::string>& files) {
  require(!flags.weights.empty(), "--predict needs --weights FILE (a training writes out/digits/best.safetensors)");
  const digits::Loaded loaded = digits::load(flags.weights);
  const NoGrad no_grad;
  for (const std::string& file : files) {
    data::Example example{.image = io::load_image_float(file, {.channels = 3}), .name = file};
    data::RandomStream unused(0, 0, 0);
    digits::resize()(example, unused);
    digits::normalize()(example, unused);
    const Tensor<float> probabilities =
        softmax(loaded.net(example.image.reshape({1, digits::image_size, digits::image_size, 3}))).value();
    const Index guess = argmax(probabilities)(0);
    std::printf("%s\t%s\t%.4f\n", file.c_str(), loaded.class_names[static_cast<std::size_t>(guess)].c_str(),
                static_cast<double>(probabilities(0, guess)));
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  examples::Program program(
      "digits", "Learns handwritten digits from pictures whose names begin with the label, and classifies pictures.");
  std::vector<std::string> files;
  program.app().add_option("--predict", files,
                           "classify these pictures with --weights; a line each: FILE, LABEL, PROBABILITY");
  return program.run(argc, argv, [&] {
    if (!files.empty()) return classify(program.flags(), files);
    require(program.flags().weights.empty(), "--weights goes with --predict IMAGE...; a training starts from nothing");
    return learn(program);
  });
}
