// oneDNN 3 for the comparison (../server.hpp): onednn_peer THREADS
//
//     prepare  conv  PROBLEM  DIRECTION  [first]
//
// Variants: plain channels-last, plain NCHW and the layout that the library picks; of each every implementation that it
// offers ("first": only the one that it would take), and its Winograd where there is one. The weights are in the
// library's layout beforehand ("prepared"), or are brought into it from a plain layout at each call ("packed").
// Conversions of images are never counted.
#include <oneapi/dnnl/dnnl.hpp>

#include <cstdlib>
#include <unordered_map>

#include "../../tests/cases/problem.hpp"
#include "../buffer.hpp"
#include "../server.hpp"

namespace {

using namespace bench;
using dnnl::memory;

const dnnl::engine& cpu() {
  static const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  return engine;
}
dnnl::stream& stream() {
  static dnnl::stream stream(cpu());
  return stream;
}

/// The problem in oneDNN's terms: names of the user's side, so a transposed convolution reads 128 -> 64 channels.
struct Shape {
  bool is_transposed;
  memory::dims in, out, weight, stride, dilation, pad_begin, pad_end;
  bool has_groups;
};

Shape shape_of(const problems::Problem& problem) {
  const auto& g = problem.geometry;
  Shape s{};
  s.is_transposed = problem.is_transposed;
  s.has_groups = g.groups > 1;
  s.in = {g.batch, g.in_channels, g.in_height, g.in_width};
  s.out = {g.batch, g.out_channels, g.out_height, g.out_width};
  if (s.is_transposed) std::swap(s.in, s.out);
  const std::int64_t groups = g.groups, out = s.out[1] / groups, in = s.in[1] / groups;
  s.weight = {out, in, g.kernel.height, g.kernel.width};
  if (s.has_groups) s.weight.insert(s.weight.begin(), groups);
  s.stride = {g.stride.height, g.stride.width};
  s.dilation = {g.dilation.height - 1, g.dilation.width - 1};
  s.pad_begin = {g.pad_top, g.pad_left};
  // Rows and columns that no window reaches are cut off, as in the forward direction.
  s.pad_end = {g.pad_bottom, g.pad_right};
  return s;
}

/// A memory object on a buffer of ours, as our own kernels use.
memory filled(const memory::desc& layout, std::vector<std::shared_ptr<Buffer>>& keep) {
  keep.push_back(std::make_shared<Buffer>(static_cast<std::int64_t>(layout.get_size() / sizeof(float)) + 1, 0.5F));
  return memory(layout, cpu(), keep.back()->data());
}

class Collector {
 public:
  Collector(Shape shape, std::string direction, bool is_first_only)
      : shape_(std::move(shape)), direction_(std::move(direction)), is_first_only_(is_first_only) {}

  std::vector<Variant> run() {
    for (const char* layout : {"nhwc", "any", "nchw"}) {
      layout_ = layout;
      collect_layout(false);
    }
    layout_ = "any";
    if (!shape_.is_transposed) collect_layout(true);
    if (variants_.empty()) throw Skip{reason_.empty() ? "no implementation but the reference" : reason_};
    return std::move(variants_);
  }

 private:
  memory::desc image(const memory::dims& sizes) const {
    using tag = memory::format_tag;
    return {sizes, memory::data_type::f32, layout_ == "nhwc" ? tag::nhwc : layout_ == "nchw" ? tag::nchw : tag::any};
  }
  memory::desc plain_weight() const {
    using tag = memory::format_tag;
    const bool is_nchw = layout_ == "nchw";
    const tag with_groups = is_nchw ? tag::goihw : tag::gohwi;
    return {shape_.weight, memory::data_type::f32, shape_.has_groups ? with_groups : is_nchw ? tag::oihw : tag::ohwi};
  }

  void collect_layout(bool is_winograd) {
    try {
      if (shape_.is_transposed) {
        collect<dnnl::deconvolution_forward, dnnl::deconvolution_backward_data, dnnl::deconvolution_backward_weights>(
            dnnl::algorithm::deconvolution_direct);
      } else {
        collect<dnnl::convolution_forward, dnnl::convolution_backward_data, dnnl::convolution_backward_weights>(
            is_winograd ? dnnl::algorithm::convolution_winograd : dnnl::algorithm::convolution_direct);
      }
    } catch (const dnnl::error& error) {
      if (!is_winograd) reason_ = error.what();
    }
  }

  template <class Forward, class BackwardData, class BackwardWeight>
  void collect(dnnl::algorithm algorithm) {
    const Shape& s = shape_;
    const memory::desc in = image(s.in), out = image(s.out);
    const memory::desc weight(s.weight, memory::data_type::f32, memory::format_tag::any);
    typename Forward::primitive_desc forward(cpu(), dnnl::prop_kind::forward_training, algorithm, in, weight, out,
                                             s.stride, s.dilation, s.pad_begin, s.pad_end);
    if (direction_ == "forward") {
      return each_implementation<Forward>(forward, [](const auto& d) {
        return Roles{{DNNL_ARG_SRC, d.src_desc()}, {DNNL_ARG_WEIGHTS, d.weights_desc()}, {DNNL_ARG_DST, d.dst_desc()}};
      });
    }
    if (direction_ == "backward_data") {
      typename BackwardData::primitive_desc description(cpu(), algorithm, in, weight, out, s.stride, s.dilation,
                                                        s.pad_begin, s.pad_end, forward);
      return each_implementation<BackwardData>(description, [](const auto& d) {
        return Roles{{DNNL_ARG_DIFF_DST, d.diff_dst_desc()},
                     {DNNL_ARG_WEIGHTS, d.weights_desc()},
                     {DNNL_ARG_DIFF_SRC, d.diff_src_desc()}};
      });
    }
    typename BackwardWeight::primitive_desc description(cpu(), algorithm, in, weight, out, s.stride, s.dilation,
                                                        s.pad_begin, s.pad_end, forward);
    each_implementation<BackwardWeight>(description, [](const auto& d) {
      return Roles{{DNNL_ARG_SRC, d.src_desc()},
                   {DNNL_ARG_DIFF_WEIGHTS, d.diff_weights_desc()},
                   {DNNL_ARG_DIFF_DST, d.diff_dst_desc()}};
    });
  }

  /// What a primitive reads and writes; the weights are in the middle.
  using Roles = std::vector<std::pair<int, memory::desc>>;

  template <class Primitive, class Description, class RolesOf>
  void each_implementation(Description& description, RolesOf roles_of) {
    do {
      const std::string name = description.impl_info_str();
      if (name.find("ref") == std::string::npos)
        add(Primitive(description), roles_of(description), layout_ + " " + name);
    } while (!is_first_only_ && description.next_impl());
  }

  void add(const dnnl::primitive& primitive, const Roles& roles, const std::string& name) {
    std::vector<std::shared_ptr<Buffer>> keep;
    std::unordered_map<int, memory> arguments;
    for (const auto& [role, layout] : roles) arguments.emplace(role, filled(layout, keep));
    const auto execute = [primitive, arguments, keep] {
      primitive.execute(stream(), arguments);
      stream().wait();
    };
    variants_.push_back({"prepared", name, execute});

    const memory ours = arguments.at(roles[1].first), plain = filled(plain_weight(), keep);
    const bool writes_weight = roles[1].first == DNNL_ARG_DIFF_WEIGHTS;
    const memory from = writes_weight ? ours : plain, to = writes_weight ? plain : ours;
    if (from.get_desc() == to.get_desc()) {
      variants_.back().weights = "both";
      return;
    }
    const dnnl::reorder reorder(from, to);
    const std::unordered_map<int, memory> ends{{DNNL_ARG_FROM, from}, {DNNL_ARG_TO, to}};
    variants_.push_back({"packed", name, [primitive, arguments, keep, reorder, ends, writes_weight] {
                           if (!writes_weight) reorder.dnnl::primitive::execute(stream(), ends);
                           primitive.execute(stream(), arguments);
                           if (writes_weight) reorder.dnnl::primitive::execute(stream(), ends);
                           stream().wait();
                         }});
  }

  Shape shape_;
  std::string direction_;
  bool is_first_only_;
  std::string layout_;
  std::string reason_;
  std::vector<Variant> variants_;
};

std::vector<Variant> prepare(const Words& words) {
  if (words.at(0) != "conv") throw Skip{"convolutions only"};
  return Collector(shape_of(problems::parse_problem(words.at(1))), words.at(2), words.size() > 3).run();
}

}  // namespace

int main(int count, char** arguments) {
  const dnnl_version_t* version = dnnl_version();
  const std::string runtime = version->cpu_runtime == DNNL_RUNTIME_OMP   ? "OpenMP"
                              : version->cpu_runtime == DNNL_RUNTIME_SEQ ? "one thread"
                              : version->cpu_runtime == DNNL_RUNTIME_TBB ? "TBB"
                                                                         : "SYCL and TBB";
  return serve({.name = "oneDNN " + std::to_string(version->major) + "." + std::to_string(version->minor) + "." +
                        std::to_string(version->patch),
                .settings = runtime + "; every implementation in nhwc, nchw and its own layouts; 2 MiB pages",
                .threads = count > 1 ? std::atoi(arguments[1]) : 1,
                .prepare = prepare});
}
