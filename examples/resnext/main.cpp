/// Trains a ResNeXt on CIFAR-100, or on drawn shapes in 100 classes.
///
///     resnext                                          trains on drawn shapes
///     resnext --data FOLDER --time-limit 75            CIFAR-100's binary files; the schedule fits itself to 75
///     minutes resnext --evaluate --weights FILE --data FOLDER  only measures the test part
#include <cstdio>

#include <kashi/models/resnext.hpp>
#include <kashi/nn/loss.hpp>
#include <kashi/optim/adam.hpp>
#include <kashi/optim/one_cycle.hpp>
#include <kashi/optim/sgd.hpp>
#include <kashi/optim/weight_decay.hpp>
#include <kashi/train/early_stopping.hpp>
#include <kashi/train/schedule.hpp>
#include <kashi/train/time_limit.hpp>
#include <kashi/train/weight_average.hpp>
#include <kashi/train/weights.hpp>

#include "common/fit_ending.hpp"
#include "common/program.hpp"
#include "common/training_logs.hpp"
#include "common/training_pictures.hpp"
#include "resnext/answers.hpp"
#include "resnext/data.hpp"

using namespace kashi;

namespace {

/// What this program has beside the flags of all.
struct Settings {
  std::string model = "compact";
  std::string optimizer = "sgd";
  std::string augment = "usual";
  std::string mix = "none";
  double lr = 0;  // 0: the optimizer's usual
  double minutes = 0;
  double smoothing = 0.1;
  double average = 0.998;
  Index validation = 0;
  bool tensorboard = false;
  bool evaluate = false;
};

nn::Sequential<float> make_network(const std::string& name) {
  const models::ModelOptions options{.classes = 100};
  if (name == "resnext29_8x64d") return models::resnext29(8, options);
  if (name == "resnext29_16x64d") return models::resnext29(16, options);
  return models::resnext_compact(options);
}

train::Trainer make_trainer(nn::Sequential<float>& net, const Settings& settings) {
  // Soft targets where images were mixed, labels elsewhere.
  const auto loss = [smoothing = settings.smoothing](const Variable<float>& scores, const data::Batch& batch) {
    const CrossEntropyOptions options{.label_smoothing = smoothing};
    return batch.targets.numel() > 0 ? cross_entropy(scores, batch.targets, options)
                                     : cross_entropy(scores, batch.labels, options);
  };
  const double lr = settings.lr > 0 ? settings.lr : settings.optimizer == "sgd" ? 0.1 : 2e-3;
  train::Trainer trainer =
      settings.optimizer == "sgd"
          ? train::Trainer(
                net,
                optim::SGD<float>(optim::split_weight_decay(
                    net, optim::SGDOptions{.lr = lr, .momentum = 0.9, .weight_decay = 5e-4, .nesterov = true})),
                loss)
          : train::Trainer(net,
                           optim::AdamW<float>(
                               optim::split_weight_decay(net, optim::AdamWOptions{.lr = lr, .weight_decay = 0.05})),
                           loss);
  trainer.set_metrics({std::make_shared<train::Accuracy>(), std::make_shared<train::TopKAccuracy>(5)});
  return trainer;
}

data::BatchTransform mixing(const std::string& name) {
  if (name == "mixup") return data::Mixup({.classes = 100, .alpha = 0.2});
  if (name == "cutmix") return data::CutMix({.classes = 100, .alpha = 1.0, .p = 0.5});
  return nullptr;
}

/// From a warm-up of a quarter of the time to a twentieth of the first rate, on straight lines.
std::shared_ptr<optim::OneCycleLR> make_schedule(train::Trainer& trainer, Index steps) {
  return std::make_shared<optim::OneCycleLR>(
      trainer.optimizer(),
      optim::OneCycleLROptions{
          .max_lr = trainer.optimizer().lr(),
          .total_steps = std::max<Index>(2, steps + 1),  // after the last step the rate stands at the end
          .pct_start = 0.23,
          .anneal_strategy = optim::Anneal::linear,
          .cycle_momentum = false,
          .div_factor = 5,
          .final_div_factor = 20});
}

void add_curves(train::Report& report, const std::vector<train::EpochLog>& history) {
  report.picture("Training", "curves.png",
                 plot::line_chart({{.name = "training", .y = examples::column(history, "train_loss")},
                                   {.name = "validation", .y = examples::column(history, "val_loss")}},
                                  {.title = "Loss", .x_label = "epoch"}),
                 "Loss after each epoch. Training images are augmented; validation uses the averaged weights.");
  report.picture("Training", "accuracy.png",
                 plot::line_chart({{.name = "top-1", .y = examples::column(history, "val_accuracy")},
                                   {.name = "top-5", .y = examples::column(history, "val_top5")}},
                                  {.title = "Validation accuracy", .x_label = "epoch"}),
                 "Share of right answers on the validation part after each epoch.");
  report.picture("Training", "rate.png",
                 plot::line_chart({{.name = "learning rate", .y = examples::column(history, "lr")}},
                                  {.title = "Learning rate", .x_label = "epoch"}),
                 "The learning rate at the end of each epoch.");
}

int learn(examples::Program& program, const Settings& settings) {
  const examples::Flags& flags = program.flags();
  io::make_output_folder(program.out());
  if (flags.data.empty()) std::fprintf(stderr, "no --data given: drawing textured shapes in 100 classes\n");
  const Index validation = settings.validation > 0 ? settings.validation
                           : flags.data.empty()    ? (flags.quick ? 200 : 800)
                                                   : 1000;
  const resnext::Parts parts = resnext::load_parts(flags.data, flags.quick, validation, flags.seed);
  const std::vector<std::string> names = resnext::class_names(parts.learning);
  const Index batch = flags.batch > 0 ? flags.batch : 128;
  const Index steps = (parts.learning.size() + batch - 1) / batch;
  const bool timed = settings.minutes > 0;
  const Index epochs = timed                ? 100000
                       : flags.epochs > 0   ? flags.epochs
                       : flags.quick        ? 3
                       : flags.data.empty() ? 12
                                            : 24;

  nn::Sequential net = make_network(settings.model);
  train::Trainer trainer = make_trainer(net, settings);
  constexpr Index timed_steps = 100000;  // a timed schedule is moved in shares of this
  const auto schedule = make_schedule(trainer, timed ? timed_steps + 1 : epochs * steps);
  std::shared_ptr<train::Callback> steering = std::make_shared<train::Schedule>(schedule, train::Every::step);
  if (timed)
    steering = std::make_shared<train::TimeLimit>(
        schedule,
        train::TimeLimitOptions{.seconds = 60 * settings.minutes, .schedule_end = static_cast<double>(timed_steps)});
  const auto average = std::make_shared<train::WeightAverage>(net, optim::EMAOptions{.decay = settings.average});
  const auto best =
      std::make_shared<train::BestModel>(train::BestModelOptions{.metric = "val_accuracy",
                                                                 .goal = train::Goal::maximize,
                                                                 .path = program.out() / "best.safetensors",
                                                                 .metadata = {{"model", settings.model}}});
  std::fprintf(stderr, "%ld images to learn from, %ld for validation, %ld for the test; %s with %ld parameters\n",
               static_cast<long>(parts.learning.size()), static_cast<long>(parts.validation.size()),
               static_cast<long>(parts.test.size()), settings.model.c_str(),
               static_cast<long>(examples::count_parameters(net)));

  std::vector<std::shared_ptr<train::Callback>> callbacks = examples::training_logs(
      program, "ResNeXt", {{"train_loss", "val_loss"}, {"val_accuracy", "val_top5"}}, settings.tensorboard);
  callbacks.insert(callbacks.begin(), {steering, average, best});

  program.begin_run();
  const train::InterruptGuard guard;
  const train::FitResult result =
      trainer.fit(parts.learning, {.epochs = epochs,
                                   .batch = batch,
                                   .seed = flags.seed,
                                   .transform = resnext::training_transform(settings.augment == "strong"),
                                   .batch_transform = mixing(settings.mix),
                                   .validation = parts.validation,
                                   .callbacks = callbacks,
                                   .checkpoint = program.checkpoint(),
                                   .resume = flags.resume});
  if (const auto ending = examples::ending_of(program, result)) return *ending;

  net.eval();
  const resnext::Answers answers = resnext::answer_all(net, parts.test, true);
  train::Report report("ResNeXt", "A network of aggregated transformations learns 100 classes from " +
                                      std::to_string(parts.learning.size()) + " pictures.");
  resnext::add_test(report, answers, parts.test, names, parts.superclasses);
  report.set("validation_top1", best->best());
  report.set("epochs", result.epochs);
  report.set("best_epoch", best->epoch());
  report.set("images_per_second", examples::mean_rate(result.history));
  report.set("parameters", examples::count_parameters(net));
  report.set("model", settings.model);
  program.add_common_figures(report);
  report.headline("parameters");
  report.headline("seconds", {.format = train::Format::seconds});
  add_curves(report, result.history);
  report.file("best.safetensors", "the weights of the best epoch, averaged");
  report.file("log.csv", "every epoch's figures");
  report.save(program.out());
  std::printf("top-1 %.4f, top-5 %.4f on %ld test images, %.0f s\nresults are in %s (open %s/report.html)\n",
              answers.top1, answers.top5, static_cast<long>(parts.test.size()), program.seconds(), flags.out.c_str(),
              flags.out.c_str());
  return 0;
}

int evaluate(examples::Program& program, Settings settings) {
  const examples::Flags& flags = program.flags();
  require(!flags.weights.empty(), "--evaluate needs --weights FILE (a training writes out/resnext/best.safetensors)");
  io::make_output_folder(program.out());
  const io::TensorFile file = io::load_safetensors(flags.weights);
  if (const auto found = file.metadata.find("model"); found != file.metadata.end()) settings.model = found->second;
  nn::Sequential net = make_network(settings.model);
  try {
    net.load_state_dict(train::weights_of(file));
  } catch (const Error& error) {
    throw FormatError(text("'", flags.weights, "' does not hold weights of this program: ", error.what()));
  }
  net.eval();
  const data::Dataset test = resnext::load_test(flags.data, flags.quick, flags.seed);
  const auto start = std::chrono::steady_clock::now();
  const resnext::Answers answers = resnext::answer_all(net, test, true);
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  train::Report report("ResNeXt", "Trained weights on test images.");
  const resnext::Superclasses superclasses = resnext::load_superclasses(flags.data, false);
  resnext::add_test(report, answers, test, resnext::class_names(test), superclasses);
  report.set("images_per_second", static_cast<double>(test.size()) / seconds);
  report.set("parameters", examples::count_parameters(net));
  report.set("model", settings.model);
  program.add_common_figures(report);
  report.save(program.out());
  std::printf("top-1 %.4f, top-5 %.4f on %ld test images\nresults are in %s (open %s/report.html)\n", answers.top1,
              answers.top5, static_cast<long>(test.size()), flags.out.c_str(), flags.out.c_str());
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  examples::Program program("resnext",
                            "Trains a ResNeXt on CIFAR-100's binary files, or on drawn shapes in 100 classes.");
  Settings settings;
  CLI::App& app = program.app();
  app.add_option("--model", settings.model, "compact, resnext29_8x64d or resnext29_16x64d")
      ->capture_default_str()
      ->check(CLI::IsMember({"compact", "resnext29_8x64d", "resnext29_16x64d"}));
  app.add_option("--optimizer", settings.optimizer, "sgd or adamw")
      ->capture_default_str()
      ->check(CLI::IsMember({"sgd", "adamw"}));
  app.add_option("--lr", settings.lr, "largest learning rate (default: 0.1 for sgd, 0.002 for adamw)")
      ->check(CLI::PositiveNumber);
  app.add_option("--augment", settings.augment, "usual (shifts, mirror, Cutout) or strong (turns and colours too)")
      ->capture_default_str()
      ->check(CLI::IsMember({"usual", "strong"}));
  app.add_option("--mix", settings.mix, "none, mixup or cutmix; they pay in long trainings")
      ->capture_default_str()
      ->check(CLI::IsMember({"none", "mixup", "cutmix"}));
  app.add_option("--label-smoothing", settings.smoothing, "share of each target that is spread over all classes")
      ->capture_default_str()
      ->check(CLI::Range(0.0, 0.9));
  app.add_option("--average", settings.average, "decay of the average of the weights")
      ->capture_default_str()
      ->check(CLI::Range(0.0, 0.99999));
  app.add_option("--validation", settings.validation, "images that are held out to choose the best epoch")
      ->check(CLI::PositiveNumber);
  app.add_option("--time-limit", settings.minutes,
                 "minutes of training; the number of epochs and the schedule fit themselves to it")
      ->check(CLI::PositiveNumber);
  app.add_flag("--tensorboard", settings.tensorboard, "also write the figures of each epoch for TensorBoard");
  app.add_flag("--evaluate", settings.evaluate, "only measure --weights on the test part");
  return program.run(argc, argv, [&] {
    if (settings.evaluate) return evaluate(program, settings);
    require(program.flags().weights.empty(), "--weights goes with --evaluate; a training starts from nothing");
    return learn(program, settings);
  });
}
