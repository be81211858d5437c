/// A page in the browser that shows what a network sees in a photograph or a drawing.
///
///     playground --weights out/digits/best.safetensors                     draw a digit with the mouse
///     playground --model resnet18 --weights resnet18.pth --labels names.txt   drop a photograph
///     playground --weights out/finetune/best.safetensors                   the file says which network it is of
#include <cstdio>

#include <kashi/train/interrupt.hpp>

#include "common/program.hpp"
#include "playground/classifier.hpp"
#include "playground/server.hpp"

using namespace kashi;

int main(int argc, char** argv) {
  examples::Program program(
      "playground",
      "Serves a page on this machine: drop a photograph or draw, and see the classes with their probabilities.");
  examples::NetworkChoice network;
  std::string labels;
  playground::ServerOptions options;
  program.app().add_option(
      "--model", network.model,
      "digits, or a network of the library, such as resnet18 or squeezenet1_1 (default: as the file of weights says)");
  program.app().add_option(
      "--preset", network.preset,
      "how pictures become its input: torchvision, tf, efficientnet_lite, cifar, caffe (default: the model's usual)");
  program.app()
      .add_option("--crop", network.crop, "side of its input in pixels (default: the preset's)")
      ->check(CLI::Range(8, 1024));
  program.app().add_option("--labels", labels, "file with the name of a class a line");
  program.app()
      .add_option("--port", options.port, "port of the page; 0: any free one")
      ->capture_default_str()
      ->check(CLI::Range(0, 65535));
  program.app()
      .add_option("--host", options.host, "address to listen at; others than 127.0.0.1 let other machines in")
      ->capture_default_str();
  return program.run(argc, argv, [&] {
    const std::string& weights = program.flags().weights;
    require(!weights.empty(), "--weights FILE is needed (examples/digits writes out/digits/best.safetensors)");
    playground::Classifier classifier = playground::load_classifier(network, weights, labels);
    const std::vector<playground::Tool> tools{
        {"classify", [&](const Tensor<float>& picture,
                         const playground::Parameters&) { return playground::classify(classifier, picture); }},
        {"map",
         [&](const Tensor<float>& picture, const playground::Parameters& parameters) {
           return playground::show_map(classifier, picture, parameters);
         }},
        {"attack", [&](const Tensor<float>& picture, const playground::Parameters& parameters) {
           return playground::attack(classifier, picture, parameters);
         }}};
    const playground::About about{classifier.network.model, static_cast<Index>(classifier.network.class_names.size()),
                                  classifier.is_drawn};
    const train::InterruptGuard guard;
    const auto started = [&](int port) {
      std::printf("open http://%s:%d in a browser; Ctrl-C ends\n", options.host.c_str(), port);
      std::fflush(stdout);
    };
    playground::serve(about, tools, options, started, train::interrupt_requested);
    return train::InterruptGuard::exit_code;
  });
}
