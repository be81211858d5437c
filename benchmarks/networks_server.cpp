// Our training steps and inference for the comparison (server.hpp): networks_server THREADS
//
//     prepare  step       NAME    digits, resnext29, resunet, resnext_compact, resunet_xray
//     prepare  inference  NAME    resnet18, vgg16, squeezenet1_1, mobilenet_v2
#include <cstdlib>

#include <kashi/kernels/isa.hpp>

#include "networks.hpp"
#include "server.hpp"

namespace {

std::vector<bench::Variant> prepare(const bench::Words& words) {
  if (words.at(0) == "step") return {{"both", "step", bench::step_call(words.at(1))}};
  if (words.at(0) == "inference") return {{"both", "eval", bench::inference_call(words.at(1))}};
  throw bench::Skip{"no " + words.at(0)};
}

}  // namespace

int main(int count, char** arguments) {
  const int threads = count > 1 ? std::atoi(arguments[1]) : 1;
  kashi::set_num_threads(threads);
  return bench::serve({.name = "kashi",
                       .settings = kashi::text("isa ", kashi::kernels::isa_name(kashi::kernels::isa())),
                       .threads = threads,
                       .prepare = prepare});
}
