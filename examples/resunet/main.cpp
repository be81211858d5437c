/// Finds tooth decay on X-rays: a ResUNet learns masks from a folder of pictures, or from generated ones.
///
///     resunet                                          trains on generated teeth
///     resunet --data FOLDER                            FOLDER/images/x.jpg with FOLDER/masks/x.png
///     resunet --noise none                             the same without looking for wrong masks, a fifth of all
///     resunet --evaluate --weights FILE --data FOLDER  only measures all pictures of a folder
#include <cstdio>

#include <optional>

#include <kashi/train/early_stopping.hpp>
#include <kashi/train/weights.hpp>

#include "common/fit_ending.hpp"
#include "common/program.hpp"
#include "common/training_logs.hpp"
#include "common/training_pictures.hpp"
#include "resunet/answers.hpp"
#include "resunet/data.hpp"
#include "resunet/noise.hpp"
#include "resunet/training.hpp"

using resunet::Settings;
using namespace kashi;

namespace {

/// Logs val_dice, pooled over whole pictures at the best threshold. Stands before BestModel.
class WholePictures : public train::Callback {
 public:
  WholePictures(data::Dataset validation, Index side) : validation_(std::move(validation)), side_(side) {}
  void on_epoch_end(train::Trainer& trainer, train::EpochLog& log) override {
    trainer.model().eval();
    const resunet::Answers answers = resunet::answer_all(trainer.model(), validation_, side_, false);
    log.set("val_dice", answers.curve.dice(answers.curve.best_threshold()));
    trainer.model().train();
  }

 private:
  data::Dataset validation_;
  Index side_;
};

/// Figures and pictures of a part of the data under names such as test_dice.
void add_part(train::Report& report, const std::string& part, const resunet::Answers& answers,
              const data::Dataset& dataset, double threshold, bool shows) {
  const std::vector<double> dice = resunet::dice_by_picture(answers, dataset, threshold);
  report.set(part + "_dice", answers.curve.dice(threshold));
  report.set(part + "_iou", answers.curve.iou(threshold));
  report.set(part + "_dice_of_marked_images", resunet::mean_of_marked(dice, dataset));
  if (!shows) return;
  report.set(part + "_precision", answers.curve.precision(threshold));
  report.set(part + "_recall", answers.curve.recall(threshold));
  report.headline(part + "_dice", {.label = part + " Dice",
                                   .note = std::to_string(dataset.size()) + " pictures, pooled over all pixels"});
  report.headline(part + "_iou", {.label = part + " IoU"});
  report.picture("Answers", "overlays.png", resunet::overlay_sheet(dataset, answers, dice, threshold),
                 "Given masks outlined in green, the network's in red; Dice and file, best first.");
  report.picture("Answers", "precision_recall.png", resunet::precision_recall_chart(answers.curve, threshold),
                 "Precision and recall of pixels at every threshold.");
}

/// The pictures to learn from and those that are judged. Generated pictures are judged by the right masks.
struct Material {
  std::optional<data::SyntheticTeeth> generated{};
  resunet::Parts parts{};
};

Material load(const examples::Flags& flags, const Settings& settings) {
  if (!flags.data.empty()) return {.parts = resunet::split_parts(resunet::load_folder(flags.data), flags.seed)};
  std::fprintf(stderr, "no --data given: drawing X-rays of teeth\n");
  const Index count = settings.pictures > 0 ? settings.pictures : flags.quick ? 32 : 100;
  Material out{.generated =
                   data::synthetic_teeth({.count = count, .corrupted = settings.corrupted, .seed = flags.seed})};
  const data::Dataset test = data::synthetic_teeth({.count = count, .seed = ~flags.seed}).dataset;
  out.parts = resunet::split_training(out.generated->dataset, test, flags.seed);
  return out;
}

bool has_audit(const Settings& settings) {
  return settings.noise == "audit" || settings.noise == "drop" || settings.noise == "weights" ||
         settings.noise == "correct";
}

/// How many of the wrong masks were found, and how many of the found ones are wrong; only the generator knows.
void add_found(train::Report& report, const resunet::Audit& audit, const data::SyntheticTeeth& generated) {
  Index wrong = 0, found = 0;
  for (std::size_t i = 0; i < audit.names.size(); ++i) {
    const bool is_wrong = generated.is_corrupted[generated.index_of(audit.names[i])];
    wrong += is_wrong ? 1 : 0;
    found += is_wrong && audit.is_suspicious(i) ? 1 : 0;
  }
  report.set("corrupted", wrong);
  report.set("audit_recall", wrong == 0 ? 1.0 : static_cast<double>(found) / static_cast<double>(wrong));
  report.set("audit_precision",
             audit.suspicious() == 0 ? 1.0 : static_cast<double>(found) / static_cast<double>(audit.suspicious()));
}

/// The audit of an interrupted run is read back; otherwise the folds learn.
resunet::Audit make_audit(examples::Program& program, const Settings& settings, const resunet::Plan& plan,
                          const data::Dataset& pictures) {
  const std::filesystem::path file = program.out() / "audit.csv", proposals = program.out() / "proposals";
  if (program.flags().resume) {
    if (auto earlier = resunet::read_audit(file, proposals, pictures)) return *earlier;
  }
  resunet::Plan of_folds = plan;
  of_folds.epochs = std::max<Index>(1, plan.epochs / 2);
  of_folds.minutes = 0.4 * plan.minutes / static_cast<double>(settings.folds);
  resunet::Audit audit = resunet::audit(pictures, settings, of_folds);
  if (audit.was_interrupted) return audit;
  resunet::write_proposals(proposals, audit);
  resunet::write_audit(file, audit);
  io::save_png(program.out() / "audit.png", resunet::audit_sheet(pictures, audit));
  std::fprintf(stderr, "audit: %ld of %ld masks are suspicious, see audit.csv and audit.png\n",
               static_cast<long>(audit.suspicious()), static_cast<long>(pictures.size()));
  return audit;
}

int learn(examples::Program& program, const Settings& settings) {
  const examples::Flags& flags = program.flags();
  io::make_output_folder(program.out());
  const Material material = load(flags, settings);
  const resunet::Parts& parts = material.parts;
  const bool is_small = flags.data.empty();
  resunet::Plan plan{.epochs = flags.epochs > 0 ? flags.epochs
                               : flags.quick    ? 4
                               : is_small       ? 16
                                                : 60,
                     .batch = flags.batch > 0 ? flags.batch : 8,
                     .side = is_small && settings.side == 512 ? 192 : settings.side,
                     .crop = settings.crop > 0 ? settings.crop
                             : is_small        ? 96
                                               : 160,
                     .crops = settings.crops > 0 ? settings.crops
                              : is_small         ? 3
                                                 : 6,
                     .minutes = settings.minutes,
                     .seed = flags.seed};

  models::ResUNet<float> net = resunet::make_network(settings.encoder);
  const auto best = std::make_shared<train::BestModel>(
      train::BestModelOptions{.metric = "val_dice",
                              .goal = train::Goal::maximize,
                              .path = program.out() / "best.safetensors",
                              .metadata = resunet::about_weights(settings, plan.side)});
  std::fprintf(stderr, "%ld pictures to learn from, %ld for validation, %ld for the test; %ld parameters\n",
               static_cast<long>(parts.learning.size()), static_cast<long>(parts.validation.size()),
               static_cast<long>(parts.test.size()), static_cast<long>(examples::count_parameters(net)));
  program.begin_run();
  const train::InterruptGuard guard;

  std::optional<resunet::Audit> audit;
  data::Dataset learning = parts.learning, validation_part = parts.validation;
  std::vector<float> trust;
  if (has_audit(settings)) {
    audit = make_audit(program, settings, plan, parts.train);
    if (audit->was_interrupted) return examples::interrupted();
    if (settings.noise == "weights") trust = resunet::trust_in(learning, *audit);
    if (settings.noise == "drop")
      learning = resunet::filled_up(resunet::without_suspicious(learning, *audit), learning.size());
    if (settings.noise == "correct") learning = resunet::corrected(learning, *audit);
    // Wrong masks must not choose the epoch and the threshold either.
    if (settings.noise != "audit") validation_part = resunet::without_suspicious(validation_part, *audit);
    if (plan.minutes > 0) plan.minutes *= 0.6;
    // The folds drew random numbers, unless their audit was read back; the training doesn't depend on that.
    manual_seed(flags.seed);
  }
  std::vector<std::shared_ptr<train::Callback>> callbacks =
      examples::training_logs(program, "ResUNet", {{"train_loss"}, {"val_dice"}}, settings.tensorboard);
  callbacks.insert(callbacks.begin(), {std::make_shared<WholePictures>(validation_part, plan.side), best});
  const train::FitResult result =
      resunet::fit(net, learning, trust, settings, plan,
                   {.callbacks = callbacks, .checkpoint = program.checkpoint(), .resume = flags.resume});
  if (const auto ending = examples::ending_of(program, result)) return *ending;

  net.eval();
  const resunet::Answers validation = resunet::answer_all(net, validation_part, plan.side, true);
  const double threshold = validation.curve.best_threshold();
  // The threshold travels with the weights.
  std::map<std::string, std::string> metadata = resunet::about_weights(settings, plan.side);
  metadata["threshold"] = text(threshold);
  train::save_weights(program.out() / "best.safetensors", net.to_state_dict(), metadata);
  train::Report report("ResUNet", "A U-Net with a residual encoder learns to mark decay on " +
                                      std::to_string(parts.learning.size()) + " pictures.");
  report.set("threshold", threshold);
  const resunet::Answers test = resunet::answer_all(net, parts.test, plan.side, true);
  add_part(report, "test", test, parts.test, threshold, true);
  add_part(report, "val", validation, validation_part, threshold, false);
  add_part(report, "train", resunet::answer_all(net, parts.train, plan.side, true), parts.train, threshold, false);
  report.set("epochs", result.epochs);
  report.set("best_epoch", best->epoch());
  report.set("images_per_second", examples::mean_rate(result.history));
  report.set("parameters", examples::count_parameters(net));
  report.set("loss", settings.loss);
  report.set("noise", settings.noise);
  if (audit) report.set("suspicious", audit->suspicious());
  if (audit && material.generated) add_found(report, *audit, *material.generated);
  program.add_common_figures(report);
  report.headline("parameters");
  report.headline("seconds", {.format = train::Format::seconds});
  report.picture("Training", "curves.png",
                 plot::line_chart({{.name = "training", .y = examples::column(result.history, "train_loss")}},
                                  {.title = "Loss", .x_label = "epoch"}),
                 "Loss of the crops after each epoch.");
  report.picture("Training", "dice.png",
                 plot::line_chart({{.name = "validation", .y = examples::column(result.history, "val_dice")}},
                                  {.title = "Dice", .x_label = "epoch"}),
                 "Pooled Dice on the validation pictures after each epoch.");
  report.file("best.safetensors", "the weights of the best epoch, averaged");
  report.file("log.csv", "every epoch's figures");
  if (audit) report.file("audit.csv", "how far every mask agrees with a network that did not learn from it");
  if (audit) report.file("audit.png", "the masks that agree least");
  if (audit && audit->suspicious() > 0)
    report.file("proposals", "for each suspicious mask one that a network made which did not learn from it");
  report.save(program.out());
  std::printf("test Dice %.4f, IoU %.4f at threshold %.2f, %.0f s\nresults are in %s (open %s/report.html)\n",
              test.curve.dice(threshold), test.curve.iou(threshold), threshold, program.seconds(), flags.out.c_str(),
              flags.out.c_str());
  return 0;
}

int evaluate(examples::Program& program, const Settings& settings) {
  const examples::Flags& flags = program.flags();
  require(!flags.weights.empty() && !flags.data.empty(), "--evaluate needs --weights FILE and --data FOLDER");
  io::make_output_folder(program.out());
  const io::TensorFile file = io::load_safetensors(flags.weights);
  const auto about = [&](const std::string& key, const std::string& otherwise) {
    const auto found = file.metadata.find(key);
    return found == file.metadata.end() ? otherwise : found->second;
  };
  models::ResUNet<float> net = resunet::make_network(about("encoder", settings.encoder));
  try {
    net.load_state_dict(train::weights_of(file));
  } catch (const Error& error) {
    throw FormatError(text("'", flags.weights, "' does not hold weights of this program: ", error.what()));
  }
  net.eval();
  const Index side = std::atol(about("side", std::to_string(settings.side)).c_str());
  const double threshold = std::atof(about("threshold", "0.5").c_str());
  const data::Dataset pictures = resunet::load_folder(flags.data);
  const resunet::Answers answers = resunet::answer_all(net, pictures, side, true);
  train::Report report("ResUNet", "Trained weights on all pictures of a folder.");
  report.set("threshold", threshold);
  add_part(report, "test", answers, pictures, threshold, true);
  report.set("parameters", examples::count_parameters(net));
  program.add_common_figures(report);
  report.save(program.out());
  std::printf("Dice %.4f, IoU %.4f on %ld pictures\nresults are in %s (open %s/report.html)\n",
              answers.curve.dice(threshold), answers.curve.iou(threshold), static_cast<long>(pictures.size()),
              flags.out.c_str(), flags.out.c_str());
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  examples::Program program("resunet", "Learns to mark tooth decay on X-rays from pictures with masks.");
  Settings settings;
  CLI::App& app = program.app();
  app.add_option("--loss", settings.loss, "what is made small")
      ->capture_default_str()
      ->check(CLI::IsMember(resunet::loss_names()));
  app.add_option("--encoder", settings.encoder, "residual, or plain as in the first U-Net")
      ->capture_default_str()
      ->check(CLI::IsMember({"residual", "plain"}));
  app.add_option("--noise", settings.noise,
                 "masks that a network which did not learn from them contradicts: only list them (audit), trust them "
                 "less (weights), leave them out (drop) or learn from what that network marked (correct); "
                 "co_teaching: two networks choose each other's images; auto: correct for generated pictures, none for "
                 "--data")
      ->capture_default_str()
      ->check(CLI::IsMember({"auto", "none", "audit", "weights", "drop", "correct", "co_teaching"}));
  app.add_option("--folds", settings.folds, "parts of that audit")->capture_default_str()->check(CLI::Range(2, 20));
  app.add_option("--soften", settings.soften, "blur of the masks' borders, standard deviation in pixels")
      ->capture_default_str()
      ->check(CLI::Range(0.0, 20.0));
  CLI::Option* corrupted =
      app.add_option("--corrupted", settings.corrupted, "share of wrong masks among the generated pictures")
          ->capture_default_str()
          ->check(CLI::Range(0.0, 1.0));
  app.add_option("--pictures", settings.pictures, "generated pictures to learn from; as many others are the test")
      ->check(CLI::Range(10, 100000));
  app.add_option("--side", settings.side, "longer side of the pictures that the network sees; 0: as they are")
      ->capture_default_str()
      ->check(CLI::NonNegativeNumber);
  app.add_option("--crop", settings.crop, "side of the training crops")->check(CLI::Range(32, 1024));
  app.add_option("--crops", settings.crops, "crops of each picture in an epoch (default: 6, of generated pictures 3)")
      ->check(CLI::Range(1, 1000));
  app.add_option("--lr", settings.lr, "largest learning rate")->capture_default_str()->check(CLI::PositiveNumber);
  app.add_option("--positive", settings.positive, "weight of foreground in weighted_bce")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  app.add_option("--time-limit", settings.minutes,
                 "minutes of training; the number of epochs and the schedule fit themselves to it")
      ->check(CLI::PositiveNumber);
  app.add_flag("--tensorboard", settings.tensorboard, "also write the figures of each epoch for TensorBoard");
  app.add_flag("--evaluate", settings.evaluate, "only measure --weights on all pictures of --data");
  return program.run(argc, argv, [&] {
    const bool is_generated = program.flags().data.empty();
    require(corrupted->empty() || is_generated, "--corrupted is for generated pictures; --data has masks of its own");
    if (settings.noise == "auto") settings.noise = is_generated && settings.corrupted > 0 ? "correct" : "none";
    if (settings.evaluate) return evaluate(program, settings);
    require(program.flags().weights.empty(), "--weights goes with --evaluate; a training starts from nothing");
    return learn(program, settings);
  });
}
