/// Says what photographs show: the five likeliest classes of each, with a network that others trained.
///
///     classify --model mobilenet_v2 --preset tf --weights net.safetensors --labels synset_words.txt cat.jpg
///     classify --model squeezenet1_1 --weights net.safetensors --data FOLDER --truth labels.csv
#include <cstdio>

#include <kashi/io/load_tensors.hpp>
#include <kashi/train/self_test.hpp>

#include "classify/answers.hpp"
#include "classify/photographs.hpp"
#include "common/program.hpp"

using namespace kashi;

namespace {

/// What this program adds to the common flags.
struct Options {
  examples::NetworkChoice network{.otherwise = "efficientnet_lite0"};
  std::string labels, truth;
  bool verify = false;
  std::vector<std::string> files;
};

examples::NamedNetwork load(const examples::Flags& flags, const Options& options) {
  if (flags.weights.empty()) {
    std::fprintf(stderr,
                 "no --weights given: the network has never learnt anything, its answers mean nothing (./dev weights "
                 "fetches a trained one)\n");
    examples::NamedNetwork out{.kind = examples::network_kind(options.network, {}), .net = {}, .loaded = {}};
    out.net = examples::make_network(out.kind);
    out.classes = out.net.named_parameters().back().second.numel();
    out.net.eval();
    return out;
  }
  const io::TensorFile file = io::load_tensors(flags.weights);
  examples::NamedNetwork out = examples::load_named_network(options.network, file, flags.weights);
  std::fprintf(stderr, "%s, %s: %s\n", out.kind.name.c_str(), flags.weights.c_str(), out.loaded.c_str());
  if (options.verify) {
    const train::Verification found = train::verify(out.net, file);
    std::fprintf(stderr, "self-test %s\n", found.to_string().c_str());
    require<Error>(found.passes, "classify: the self-test of '", flags.weights,
                   "' fails; another --preset may have the padding that it needs");
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
  const examples::NamedNetwork loaded = load(flags, options);
  const models::Preset& preset = loaded.kind.preset;
  const std::vector<std::string> labels = classify::read_labels(options.labels, loaded.kind, loaded.classes);

  const classify::Answers answers = classify::answer(loaded.net, preset, pictures, flags.batch > 0 ? flags.batch : 1);
  for (const classify::Answer& answer : answers.answers) std::fputs(classify::to_text(answer, labels).c_str(), stdout);

  train::Report report("What photographs show", "The likeliest classes of " + std::to_string(pictures.size()) +
                                                    " pictures, by " + loaded.kind.name + ".");
  report.set("model", loaded.kind.name);
  report.set("preset", preset.name);
  report.set("crop", preset.crop);
  report.set("images", static_cast<Index>(pictures.size()));
  classify::add_accuracy(report, answers);
  report.set("ms_per_image", answers.milliseconds_per_image);
  program.add_common_figures(report);
  classify::add_pictures(report, pictures, preset, answers, labels);
  classify::save_predictions(program.out() / "predictions.csv", answers);
  report.save(program.out());
  std::printf("%s%.1f ms a picture; results are in %s (open %s/report.html)\n",
              classify::accuracy_text(answers).c_str(), answers.milliseconds_per_image, flags.out.c_str(),
              flags.out.c_str());
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  examples::Program program("classify", "Says what photographs show, with a network that others trained.");
  Options options;
  CLI::App& app = program.app();
  app.add_option("pictures", options.files, "pictures to classify: PNG, JPEG, BMP");
  app.add_option("--model", options.network.model,
                 "resnet18, vgg16_bn, squeezenet1_1, mobilenet_v2, efficientnet_lite0, resnet20_cifar10, ...");
  app.add_option("--preset", options.network.preset,
                 "how a picture becomes the input: torchvision, tf, efficientnet_lite, cifar, caffe (default: the "
                 "model's usual one; docs/weights.md)");
  app.add_option("--crop", options.network.crop, "side of the input in pixels (default: the preset's)")
      ->check(CLI::Range(8, 4096));
  app.add_option("--eps", options.network.eps,
                 "eps of batch norms in MobileNets and EfficientNets (default: the usual)")
      ->check(CLI::PositiveNumber);
  app.add_option("--labels", options.labels, "names of the classes, a line each, as in synset_words.txt");
  app.add_option("--truth", options.truth,
                 "CSV with the columns file and class_index: the accuracy over --data's pictures");
  app.add_flag("--verify", options.verify, "run the self-test that the weights file carries");
  return program.run(argc, argv, [&] { return run(program, options); });
}
