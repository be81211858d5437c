/// Counts a network: shapes, parameters, multiplications, additions, MACs, memory, receptive fields.
///
///     flops                        the network of the homework's third question, for images of 256 x 256
///     flops --model resnet50       a network of the library
///     flops --net my_network.txt   a network of one's own, a layer a line (flops --layers lists the forms)
#include <cstdio>

#include <kashi/models/registry.hpp>
#include <kashi/nn/summary.hpp>
#include <kashi/train/network_picture.hpp>
#include <kashi/train/network_report.hpp>

#include "common/program.hpp"
#include "flops/network_file.hpp"

using namespace kashi;

namespace {

constexpr const char* conventions[] = {
    "Counts are for one image, in inference. A sum of n terms takes n - 1 additions, and a bias one more; taps that "
    "lie in the padding are counted "
    "(macs_without_padding leaves them out). A MAC is a multiplication with its addition in a convolution or a linear "
    "layer.",
    "A transposed convolution adds every product into its output, one addition each, and the bias. Batch norm in "
    "inference is one multiplication and one "
    "addition an element; its two learnt numbers a channel are parameters, its running statistics and its counter are "
    "buffers. Averages of n elements "
    "take n - 1 additions and one division. Comparisons (ReLU, maxima) and the functions exp and tanh are not counted; "
    "dropout does nothing in inference.",
    "A receptive field is what a unit would see without a border; `inside` is the largest part of it that lies in the "
    "image, `start` and `centre` are those "
    "of the first unit, and `covered` are the pixels that any unit sees. Fractional sizes are rounded down."};

/// The network file counted again without biases, without batch norms, and without both.
void add_variants(train::Report& report, const std::vector<std::string>& lines, const std::string& source) {
  nlohmann::ordered_json variants;
  std::vector<std::vector<std::string>> rows;
  for (const bool bias : {true, false})
    for (const bool batch_norm : {true, false}) {
      const nn::SummaryTotal total =
          flops::count_network(lines, source, {.bias = bias, .batch_norm = batch_norm}).total;
      const std::string name =
          std::string(bias ? "with_bias" : "without_bias") + (batch_norm ? "_with_bn" : "_without_bn");
      variants[name] = {
          {"parameters", total.parameters},          {"multiplications", total.operations.multiplications},
          {"additions", total.operations.additions}, {"macs", total.operations.macs},
          {"divisions", total.operations.divisions}, {"buffers", total.buffers}};
      rows.push_back({bias ? "yes" : "no", batch_norm ? "yes" : "no", nn::grouped_digits(total.parameters),
                      nn::grouped_digits(total.operations.multiplications),
                      nn::grouped_digits(total.operations.additions), nn::grouped_digits(total.operations.macs)});
    }
  report.set("variants", variants);
  report.table("Conventions", {"biases", "batch norm", "parameters", "multiplications", "additions", "macs"}, rows);
}

struct Choice {
  std::string model;
  std::string file;
  Index size = 224;
};

Index usual_size(const Choice& choice) {
  require(choice.size >= 1 && choice.size <= 4096, "--size must be 1..4096; got ", choice.size);
  return choice.size;
}

int count(const examples::Program& program, const Choice& choice) {
  const std::vector<std::string> lines =
      choice.file.empty() ? flops::homework_network() : flops::read_lines(choice.file);
  const std::string source = choice.file.empty() ? "homework network" : choice.file;
  nn::Summary summary;
  if (choice.model.empty()) {
    summary = flops::count_network(lines, source);
  } else {
    auto net = models::make(choice.model);
    summary = nn::summary(net, Shape{1, usual_size(choice), usual_size(choice), 3});
  }
  io::make_output_folder(program.out());
  const std::string title = !choice.model.empty() ? choice.model
                            : choice.file.empty() ? "The homework's network"
                                                  : std::filesystem::path(choice.file).filename().string();
  train::Report report(title, "What each layer costs and sees.");
  const nlohmann::ordered_json counted = train::to_json(summary);
  for (const auto& item : counted.items()) report.set(item.key(), item.value());
  report.set("parameters", summary.total.parameters);
  report.headline("parameters");
  report.set("macs", summary.total.operations.macs);
  report.headline("macs", {.label = "multiply-accumulates"});
  if (choice.model.empty()) add_variants(report, lines, source);
  for (const char* paragraph : conventions) report.text("Conventions", paragraph);
  report.table("Layers", train::network_columns(), train::network_table(summary));
  report.picture("Picture", "network.png", train::network_picture(summary, program.out()),
                 "Sizes stand at the arrows.");
  io::write_atomically(program.out() / "layers.csv", train::to_csv(summary), "cannot write table");
  io::write_atomically(program.out() / "layers.md", train::to_markdown(summary), "cannot write table");
  report.file("layers.csv", "the table, comma-separated");
  report.file("layers.md", "the table in Markdown");
  report.file("network.dot", "the picture as a graph");
  program.add_common_figures(report);
  report.save(program.out());
  std::fputs(summary.to_string().c_str(), stdout);
  std::printf("results are in %s (open %s/report.html)\n", program.out().c_str(), program.out().c_str());
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  examples::Program program("flops",
                            "Counts a network's parameters, operations, memory and receptive fields, layer by layer.");
  Choice choice;
  bool list = false;
  auto* model = program.app().add_option("--model", choice.model, "a network of the library (a wrong name lists them)");
  program.app().add_option("--net", choice.file, "a text file with a layer a line")->excludes(model);
  program.app().add_option("--size", choice.size, "height and width of the images for --model")->capture_default_str();
  program.app().add_flag("--layers", list, "list the forms of a network file's lines");
  return program.run(argc, argv, [&] {
    if (!list) return count(program, choice);
    for (const std::string& form : flops::layer_forms()) std::puts(form.c_str());
    return 0;
  });
}
