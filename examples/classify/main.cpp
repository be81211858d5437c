/// Says what photographs show: the five likeliest classes of each, with a network that others trained.
///
///     classify --model mobilenet_v2 --preset tf --weights net.safetensors --labels synset_words.txt cat.jpg
///     classify --model squeezenet1_1 --weights net.safetensors --data FOLDER --truth labels.csv
#include <cstdio>

#include <kashi/data/synthetic.hpp>
#include <kashi/io/load_tensors.hpp>
#include <kashi/models/registry.hpp>
#include <kashi/models/rename_rules.hpp>
#include <kashi/train/self_test.hpp>

#include "classify/answers.hpp"
#include "classify/photographs.hpp"
#include "common/program.hpp"

using namespace kashi;

namespace {

/// What this program adds to the common flags.
struct Options {
  std::string model, preset, labels, truth;
  Index crop = 0;
  double eps = 0;
  bool verify = false;
  std::vector<std::string> files;
};

/// A network with weights, and how it wants its input.
struct Loaded {
  std::string name;
  nn::Sequential<float> net;
  models::Preset preset;
  Index classes = 0;
};

/// The network's name: as asked for, or as the file's metadata say.
std::string model_name(const Options& options, const io::TensorFile& file) {
  if (!options.model.empty()) return options.model;
  const auto found = file.metadata.find("network");
  return found != file.metadata.end() ? found->second : "efficientnet_lite0";
}

/// The number of classes that the file's head has: that of the network's last parameter, if the file has it.
Index classes_in(const std::string& model, const nn::StateDict<float>& state) {
  const std::string head = models::head(model) + ".bias";
  for (const auto& [name, value] : state)
    if (nn::rename(name, models::rename_rules(model)).ends_with(head)) return value.numel();
  return 0;
}

Loaded load(const examples::Flags& flags, const Options& options) {
  io::TensorFile file;
  if (!flags.weights.empty()) file = io::load_tensors(flags.weights);
  Loaded out{.name = model_name(options, file), .net = {}, .preset = {}};
  out.preset = options.preset.empty() ? models::usual_preset(out.name) : models::preset(options.preset, models::usual_preset(out.name).crop);
  if (options.crop > 0) out.preset = models::preset(out.preset.name, options.crop);

  const nn::StateDict<float> state = train::weights_of(file);
  out.net = models::make(out.name, {.classes = classes_in(out.name, state), .padding = out.preset.padding, .eps = options.eps});
  out.classes = out.net.named_parameters().back().second.numel();
  out.net.eval();
  if (flags.weights.empty()) {
    std::fprintf(stderr, "no --weights given: the network has never learnt anything, its answers mean nothing (./dev weights fetches a trained one)\n");
    return out;
  }
  const nn::LoadReport report = out.net.load_state_dict(state, {.rename = models::rename_rules(out.name)});
  std::fprintf(stderr, "%s, %s: %s\n", out.name.c_str(), flags.weights.c_str(), report.to_string().c_str());
  if (options.verify) {
    const train::Verification found = train::verify(out.net, file);
    std::fprintf(stderr, "self-test %s\n", found.to_string().c_str());
    require<Error>(found.passes, "classify: the self-test of '", flags.weights, "' fails; another --preset may have the padding that it needs");
  }
  return out;
}

/// The pictures to classify: those named, the folder's, or drawn ones.
std::vector<classify::Photograph> photographs(const examples::Flags& flags, const Options& options) {
  if (!options.files.empty()) return classify::named_photographs(options.files);
  if (!options.truth.empty()) return classify::labelled_photographs(flags.data, options.truth);
  if (!flags.data.empty()) return classify::folder_photographs(flags.data);
  std::fprintf(stderr, "no picture and no --data given: classifying drawn digits, which the network has never seen\n");
  return classify::drawn_photographs(flags.quick ? 2 : 8, flags.seed);
}

int run(examples::Program& program, const Options& options) {
  const examples::Flags& flags = program.flags();
  require(options.truth.empty() || !flags.data.empty(), "--truth FILE goes with --data FOLDER, in which its files lie");
  io::make_output_folder(program.out());
  const std::vector<classify::Photograph> pictures = photographs(flags, options);
  const Loaded loaded = load(flags, options);
  const std::vector<std::string> labels = classify::read_labels(options.labels, loaded.name, loaded.classes);

  const classify::Answers answers = classify::answer(loaded.net, loaded.preset, pictures, flags.batch > 0 ? flags.batch : 1);
  for (const classify::Answer& answer : answers.answers) std::fputs(classify::to_text(answer, labels).c_str(), stdout);

  train::Report report("What photographs show", "The likeliest classes of " + std::to_string(pictures.size()) + " pictures, by " + loaded.name + ".");
  report.set("model", loaded.name);
  report.set("preset", loaded.preset.name);
  report.set("crop", loaded.preset.crop);
  report.set("images", static_cast<Index>(pictures.size()));
  classify::add_accuracy(report, answers);
  report.set("ms_per_image", answers.milliseconds_per_image);
  program.add_common_figures(report);
  classify::add_pictures(report, pictures, loaded.preset, answers, labels);
  classify::save_predictions(program.out() / "predictions.csv", answers);
  report.save(program.out());
  std::printf("%s%.1f ms a picture; results are in %s (open %s/report.html)\n", classify::accuracy_text(answers).c_str(), answers.milliseconds_per_image, flags.out.c_str(),
              flags.out.c_str());
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  examples::Program program("classify", "Says what photographs show, with a network that others trained.");
  Options options;
  CLI::App& app = program.app();
  app.add_option("pictures", options.files, "pictures to classify: PNG, JPEG, BMP");
  app.add_option("--model", options.model, "resnet18, vgg16_bn, squeezenet1_1, mobilenet_v2, efficientnet_lite0, resnet20_cifar10, ...");
  app.add_option("--preset", options.preset,
                 "how a picture becomes the input: torchvision, tf, efficientnet_lite, cifar, caffe (default: the model's usual one; docs/weights.md)");
  app.add_option("--crop", options.crop, "side of the input in pixels (default: the preset's)")->check(CLI::Range(8, 4096));
  app.add_option("--eps", options.eps, "eps of batch norms in MobileNets and EfficientNets (default: the usual)")->check(CLI::PositiveNumber);
  app.add_option("--labels", options.labels, "names of the classes, a line each, as in synset_words.txt");
  app.add_option("--truth", options.truth, "CSV with the columns file and class_index: the accuracy over --data's pictures");
  app.add_flag("--verify", options.verify, "run the self-test that the weights file carries");
  return program.run(argc, argv, [&] { return run(program, options); });
}
