/// Teaches a network that knows pictures a task of one's own: new classes from a folder of labelled pictures.
///
///     finetune --model mobilenet_v2 --preset tf --weights mobilenet_v2.safetensors --data FOLDER      the head alone
///     learns finetune --model resnet18 --weights resnet18.pth --data FOLDER --freeze conv1 bn1 layer1        more of
///     it learns finetune --predict a.jpg b.jpg --weights out/finetune/best.safetensors
///
/// Where the first layers are frozen, what they make of each picture is computed once and kept (--cache).
#include <cmath>
#include <cstdio>

#include <kashi/io/load_tensors.hpp>
#include <kashi/nn/loss.hpp>
#include <kashi/optim/adam.hpp>
#include <kashi/optim/one_cycle.hpp>
#include <kashi/train/early_stopping.hpp>
#include <kashi/train/progress.hpp>
#include <kashi/train/schedule.hpp>

#include "common/fit_ending.hpp"
#include "common/program.hpp"
#include "common/small_network.hpp"
#include "common/training_pictures.hpp"
#include "finetune/embedded.hpp"
#include "finetune/pictures.hpp"
#include "finetune/scratch.hpp"

using namespace kashi;

namespace {

/// What this program adds to the common flags.
struct Options {
  examples::NetworkChoice network;
  std::vector<std::string> freeze;  ///< empty: the usual
  std::string labels = "auto", augment = "photo";
  double lr = 0, lr_backbone = 0;  ///< 0: the usual
  bool scratch = false;            ///< train the same network from random weights too
  Index patience = 10, views = 4, cache = 1024;
  std::vector<std::string> files;
};

/// Sets what the user left open.
Options with_defaults(Options options, const examples::Flags& flags) {
  if (options.freeze.empty()) options.freeze = {"backbone"};
  if (options.lr == 0) options.lr = options.freeze == std::vector<std::string>{"backbone"} ? 1e-2 : 5e-3;
  if (options.lr_backbone == 0) options.lr_backbone = options.lr / 10;
  options.scratch = options.scratch || flags.weights.empty();
  return options;
}

/// Takes care that a training goes on only from where the same one stopped: its settings are saved with it.
class Settings : public train::Callback {
 public:
  explicit Settings(std::string text) : text_(std::move(text)) {}
  void save(io::TensorFile& file, const std::string& prefix) const override {
    file.metadata[prefix + "settings"] = text_;
  }
  void load(const io::TensorFile& file, const std::string& prefix) override {
    const auto found = file.metadata.find(prefix + "settings");
    const std::string was = found == file.metadata.end() ? "" : found->second;
    require(was == text_, "its settings were \"", was, "\"; now they are \"", text_, "\"");
  }

 private:
  std::string text_;
};

/// The weights to start from: a file's, or those of a small network that learns drawn shapes first.
examples::NamedNetwork starting_network(const examples::Flags& flags, const Options& options, Index classes) {
  if (!flags.weights.empty())
    return examples::load_with_new_head(options.network, io::load_tensors(flags.weights), flags.weights, classes);
  require(options.network.model.empty() || options.network.model == examples::small_network_name, "finetune: --model ",
          options.network.model, " needs --weights FILE (docs/weights.md tells where they are)");
  std::fprintf(stderr,
               "no --weights given: a small network learns drawn shapes first; networks that learnt from many "
               "photographs know far more (docs/weights.md)\n");
  nn::Sequential<float> net = finetune::network_of_known_shapes(flags.seed, flags.quick ? 25 : 60);
  net.replace("fc", nn::Linear({.in = 64, .out = classes}));
  net.eval();
  return {.kind = {.name = examples::small_network_name, .preset = examples::small_preset(), .class_names = {}},
          .net = net,
          .classes = classes,
          .loaded = "learnt here"};
}

finetune::Parts pictures_for(const examples::Flags& flags, const Options& options) {
  if (!flags.data.empty())
    return finetune::split_pictures(finetune::labelled_pictures(flags.data, options.labels), flags.seed);
  std::fprintf(stderr, "no --data given: drawing shapes of four kinds, few to learn from\n");
  return flags.quick ? finetune::unknown_shapes(flags.seed, 2, 4) : finetune::unknown_shapes(flags.seed, 2, 10);
}

/// The parts as the trainer gets them: pictures, or what the frozen layers make of them.
struct Prepared {
  finetune::Parts parts;
  data::Dataset train;  ///< the learning part without variation, for the figures
  data::Transform transform;
  Index views = 0;  ///< kept variants of each picture; 0: pictures are used as they are
};

/// How many variants of every picture fit into the memory that may be used.
Index views_that_fit(const finetune::PartlyFrozen& net, const models::Preset& preset, const finetune::Parts& parts,
                     const Options& options, Index wanted) {
  if (!net.has_front() || options.cache == 0) return 0;
  const Index bytes = 4 * net.front(Tensor<float>::zeros({1, preset.crop, preset.crop, 3})).numel();
  const Index room = options.cache * (Index{1} << 20) / bytes - parts.validation.size() - parts.test.size();
  return std::clamp<Index>(room / parts.learning.size(), 0, wanted);
}

Prepared prepare(finetune::PartlyFrozen& net, const models::Preset& preset, const finetune::Parts& pictures,
                 const Options& options, Index views) {
  const data::Transform vary = finetune::preparation(preset, finetune::variation(options.augment)),
                        plain = finetune::preparation(preset, finetune::variation("none"));
  Prepared out;
  out.views = views_that_fit(net, preset, pictures, options, options.augment == "none" ? 1 : views);
  if (out.views == 0) {
    out.parts = {pictures.learning, pictures.validation.map(plain), pictures.test.map(plain)};
    out.train = pictures.learning.map(plain);
    out.transform = vary;
    return out;
  }
  net.take_features();
  out.parts = {finetune::features_of(pictures.learning, net, vary, out.views),
               finetune::features_of(pictures.validation, net, plain),
               finetune::features_of(pictures.test, net, plain)};
  // The first variant stands for the picture: another pass over all of them would cost more than it tells.
  out.train = out.parts.learning.map([](data::Example& example, data::RandomStream&) { example.target = {}; });
  out.transform = finetune::pick_view;
  return out;
}

/// The head learns at the full rate, what was pretrained more carefully.
optim::AdamW<float> make_optimizer(const nn::Sequential<float>& net, const std::string& head,
                                   const std::vector<double>& rates) {
  using Group = optim::ParameterGroup<float, optim::AdamWOptions>;
  std::vector<Group> groups{{.parameters = {}, .options = {.lr = rates[0], .weight_decay = 0.01}},
                            {.parameters = {}, .options = {.lr = rates[1], .weight_decay = 0.01}}};
  for (const auto& [name, parameter] : net.named_parameters())
    if (parameter.requires_grad()) groups[name.starts_with(head + ".") ? 0 : 1].parameters.push_back(parameter);
  std::erase_if(groups, [](const Group& group) { return group.parameters.empty(); });
  return optim::AdamW<float>(groups);
}

std::string joined(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& word : words) out += (out.empty() ? "" : " ") + word;
  return out;
}

Index count_learning(const nn::Module<float>& net) {
  Index count = 0;
  for (const auto& parameter : net.parameters()) count += parameter.requires_grad() ? parameter.numel() : 0;
  return count;
}

int learn(examples::Program& program, const Options& given) {
  const examples::Flags& flags = program.flags();
  const Options options = with_defaults(given, flags);
  io::make_output_folder(program.out());
  const finetune::Parts parts = pictures_for(flags, options);
  const std::vector<std::string> names = parts.learning.class_names();
  const auto classes = static_cast<Index>(names.size());
  const Index pictures = parts.learning.size() + parts.validation.size() + parts.test.size();
  examples::NamedNetwork start = starting_network(flags, options, classes);
  start.kind.class_names = names;
  // A smaller input shows as much of the picture as a large one, not a smaller piece of it.
  if (options.network.crop > 0 && start.kind.preset.shorter_side > 0)
    start.kind.preset.shorter_side = std::lround(static_cast<double>(options.network.crop) / 0.875);
  const std::string head = examples::head_of(start.kind.name);
  finetune::freeze(start.net, options.freeze, head);
  finetune::PartlyFrozen net(start.net);
  const Prepared prepared =
      prepare(net, start.kind.preset, parts, options, flags.quick ? std::min<Index>(2, options.views) : options.views);

  const Index epochs = flags.epochs > 0 ? flags.epochs
                       : flags.quick    ? 12
                                        : 30,
              batch = flags.batch > 0 ? flags.batch : 16;
  train::Trainer trainer(net, make_optimizer(start.net, head, {options.lr, options.lr_backbone}),
                         nn::CrossEntropyLoss({.label_smoothing = 0.05}));
  std::vector<double> peaks;
  for (Index group = 0; group < trainer.optimizer().groups(); ++group) peaks.push_back(trainer.optimizer().lr(group));
  const Index steps = (parts.learning.size() + batch - 1) / batch;
  const auto schedule = std::make_shared<optim::OneCycleLR>(
      trainer.optimizer(), optim::OneCycleLROptions{.max_lr = peaks, .epochs = epochs, .steps_per_epoch = steps});
  const auto best = std::make_shared<train::BestModel>();
  const std::string settings =
      text(start.kind.name, ", preset ", start.kind.preset.name, ", crop ", start.kind.preset.crop, ", frozen ",
           joined(options.freeze), ", augment ", options.augment, ", views ", prepared.views, ", epochs ", epochs,
           ", lr ", options.lr, " and ", options.lr_backbone);
  std::fprintf(stderr,
               "%s: %s\n%ld pictures of %ld classes: %ld to learn from, %ld for validation, %ld for the test; %ld of "
               "%ld parameters learn\n",
               start.kind.name.c_str(), start.loaded.c_str(), static_cast<long>(pictures), static_cast<long>(classes),
               static_cast<long>(parts.learning.size()), static_cast<long>(parts.validation.size()),
               static_cast<long>(parts.test.size()), static_cast<long>(count_learning(start.net)),
               static_cast<long>(examples::count_parameters(start.net)));
  if (prepared.views > 0)
    std::fprintf(
        stderr,
        "the frozen layers run once over %ld variants of each picture, in the first epoch; what they find is kept\n",
        static_cast<long>(prepared.views));
  else if (net.has_front() && options.cache > 0)
    std::fprintf(stderr, "what the frozen layers find does not fit into %ld MB (--cache): they run in every epoch\n",
                 static_cast<long>(options.cache));

  program.begin_run();
  const train::InterruptGuard guard;
  const train::FitResult result = trainer.fit(
      prepared.parts.learning,
      {.epochs = epochs,
       .batch = batch,
       .seed = flags.seed,
       .workers = num_threads() > 1 ? 1 : 0,
       .transform = prepared.transform,
       .validation = prepared.parts.validation,
       .callbacks = {std::make_shared<Settings>(settings),
                     std::make_shared<train::Schedule>(schedule, train::Every::step), best,
                     std::make_shared<train::EarlyStopping>(train::EarlyStoppingOptions{.patience = options.patience}),
                     std::make_shared<train::CsvLog>(program.out() / "log.csv"),
                     std::make_shared<train::ProgressBar>()},
       .checkpoint = program.checkpoint(),
       .resume = flags.resume});
  if (const auto ending = examples::ending_of(program, result)) return *ending;

  net.eval();
  const examples::Answers train_answers = examples::answer_all(net, prepared.train, classes),
                          test_answers = examples::answer_all(net, prepared.parts.test, classes);
  std::optional<double> scratch;
  if (options.scratch) {
    std::fprintf(stderr, "the same network learns the same pictures from random weights\n");
    manual_seed(flags.seed);
    scratch = finetune::accuracy_from_scratch(examples::make_network(start.kind, classes), start.kind.preset, parts,
                                              {.epochs = epochs,
                                               .batch = batch,
                                               .patience = options.patience,
                                               .seed = flags.seed,
                                               .augment = options.augment});
    if (!scratch) return examples::interrupted();
  }
  train::save_weights(program.out() / "best.safetensors", start.net.to_state_dict(), examples::metadata_of(start.kind));
  train::Report report("Fine-tuning of " + start.kind.name, text("A network that knew pictures learns ", classes,
                                                                 " classes from ", parts.learning.size(), " more."));
  report.set("model", start.kind.name);
  report.set("preset", start.kind.preset.name);
  report.set("crop", start.kind.preset.crop);
  report.set("frozen", joined(options.freeze));
  report.set("augment", options.augment);
  report.set("cached_views", prepared.views);
  report.set("classes", classes);
  report.set("images", pictures);
  report.set("train_accuracy", train_answers.confusion.value());
  report.set("test_accuracy", test_answers.confusion.value());
  if (scratch) report.set("scratch_test_accuracy", *scratch);
  report.set("recall", examples::recall_by_name(test_answers.confusion, names));
  report.set("epochs", result.epochs);
  report.set("best_epoch", best->epoch());
  report.set("images_per_second", examples::mean_rate(result.history));
  report.set("parameters", examples::count_parameters(start.net));
  report.set("learning_parameters", count_learning(start.net));
  program.add_common_figures(report);
  examples::add_training_pictures(report, result.history, test_answers.confusion, names, parts.test.size());
  const auto shown = [&](const data::Example& example) {
    return io::to_bytes(examples::seen_part(example.image, start.kind.preset));
  };
  report.picture("Test", "mistakes.png", examples::mistakes_sheet(parts.test, test_answers.guesses, names, shown),
                 "Test pictures that were taken for something else, as the network sees them.");
  if (scratch) {
    const auto percent = [](double share) { return text(std::round(1000 * share) / 10, " %"); };
    report.table("What the first task gains", {"the network starts with", "test accuracy"},
                 {{"weights from the first task", percent(test_answers.confusion.value())},
                  {"random weights", percent(*scratch)}});
  }
  report.save(program.out());
  if (scratch) std::printf("test accuracy from random weights %.4f\n", *scratch);
  std::printf("test accuracy %.4f, training accuracy %.4f, %.0f s\nresults are in %s (open %s/report.html)\n",
              test_answers.confusion.value(), train_answers.confusion.value(), program.seconds(), flags.out.c_str(),
              flags.out.c_str());
  return 0;
}

int predict(const examples::Flags& flags, const Options& options) {
  require(!flags.weights.empty(), "--predict needs --weights FILE (a training writes out/finetune/best.safetensors)");
  const examples::NamedNetwork network =
      examples::load_named_network(options.network, io::load_tensors(flags.weights), flags.weights);
  const std::vector<std::string>& names = network.kind.class_names;
  require<FormatError>(static_cast<Index>(names.size()) == network.classes, "'", flags.weights,
                       "' does not hold weights of this program: it names ", names.size(), " classes for ",
                       network.classes, " outputs");
  const NoGrad no_grad;
  for (const std::string& file : options.files) {
    const Tensor<float> input = examples::input_of(io::load_image_float(file, {.channels = 3}), network.kind.preset);
    const Tensor<float> probabilities = softmax(network.net(stack(std::vector{input}))).value();
    const Index guess = argmax(probabilities)(0);
    std::printf("%s\t%s\t%.4f\n", file.c_str(), names[static_cast<std::size_t>(guess)].c_str(),
                static_cast<double>(probabilities(0, guess)));
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  examples::Program program(
      "finetune",
      "Teaches a pretrained network new classes from a folder of labelled pictures, and classifies pictures.");
  Options options;
  CLI::App& app = program.app();
  app.add_option("--model", options.network.model,
                 "the network that --weights are of (default: as the file says, or squeezenet1_1)");
  app.add_option(
      "--preset", options.network.preset,
      "how pictures become its input: torchvision, tf, efficientnet_lite, cifar, caffe (default: the model's usual)");
  app.add_option("--crop", options.network.crop, "side of its input in pixels (default: the preset's)")
      ->check(CLI::Range(8, 1024));
  app.add_option("--eps", options.network.eps, "eps of its batch norms, where weights need another than the usual")
      ->check(CLI::PositiveNumber);
  app.add_option("--labels", options.labels,
                 "where a picture's class stands: in the name of its folder or in its own; auto: in the folder's if "
                 "there are several")
      ->capture_default_str()
      ->check(CLI::IsMember({"auto", "folder", "name"}));
  app.add_option("--freeze", options.freeze,
                 "what does not learn: backbone (all but the new head), none, or beginnings of weights' names such as "
                 "layer1 (default: backbone)");
  app.add_option("--augment", options.augment,
                 "how pictures are varied: photo, writing (not mirrored), none (default: photo)")
      ->check(CLI::IsMember({"photo", "writing", "none"}));
  app.add_option("--lr", options.lr,
                 "largest learning rate of the head (default: 0.01, or 0.005 where more than the head learns)")
      ->check(CLI::PositiveNumber);
  app.add_option("--lr-backbone", options.lr_backbone, "of the other layers that learn (default: a tenth)")
      ->check(CLI::PositiveNumber);
  app.add_option("--patience", options.patience, "epochs without a better validation loss before it stops")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  app.add_option("--views", options.views, "variants of each picture that are kept where frozen layers run once")
      ->capture_default_str()
      ->check(CLI::Range(1, 64));
  app.add_option("--cache", options.cache, "MB for what frozen layers find; 0: they run in every epoch")
      ->capture_default_str()
      ->check(CLI::NonNegativeNumber);
  app.add_flag("--scratch", options.scratch,
               "train the same network from random weights too, to see what the given ones gain (without --weights: "
               "always)");
  app.add_option("--predict", options.files,
                 "classify these pictures with --weights; a line each: FILE, CLASS, PROBABILITY");
  return program.run(
      argc, argv, [&] { return options.files.empty() ? learn(program, options) : predict(program.flags(), options); });
}
