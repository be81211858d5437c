/// The whole library in one include: everything whose packages are there.
///
/// Eigen is always needed. Without stb there are no image files, without nlohmann/json no weights files and no trainer,
/// without zlib no compressed data sets.
#pragma once

#include <kashi/core/broadcast.hpp>
#include <kashi/core/error.hpp>
#include <kashi/core/manipulate.hpp>
#include <kashi/core/matmul.hpp>
#include <kashi/core/memory.hpp>
#include <kashi/core/parallel.hpp>
#include <kashi/core/print.hpp>
#include <kashi/core/random.hpp>
#include <kashi/core/reduce.hpp>
#include <kashi/core/tensor.hpp>
#include <kashi/core/version.hpp>

#include <kashi/io/eigen.hpp>

#include <kashi/autograd/engine.hpp>
#include <kashi/autograd/function.hpp>
#include <kashi/autograd/grad_check.hpp>
#include <kashi/autograd/observe.hpp>
#include <kashi/autograd/variable.hpp>

#include <kashi/ops/activation.hpp>
#include <kashi/ops/arithmetic.hpp>
#include <kashi/ops/conv.hpp>
#include <kashi/ops/cross_entropy.hpp>
#include <kashi/ops/index.hpp>
#include <kashi/ops/linear.hpp>
#include <kashi/ops/loss.hpp>
#include <kashi/ops/norm.hpp>
#include <kashi/ops/pool.hpp>
#include <kashi/ops/reduce.hpp>
#include <kashi/ops/resize.hpp>
#include <kashi/ops/shape.hpp>
#include <kashi/ops/softmax.hpp>
#include <kashi/ops/unary.hpp>

#include <kashi/kernels/conv_plan.hpp>
#include <kashi/kernels/peak.hpp>

#include <kashi/nn/activation.hpp>
#include <kashi/nn/checkpoint.hpp>
#include <kashi/nn/container.hpp>
#include <kashi/nn/conv.hpp>
#include <kashi/nn/dropout.hpp>
#include <kashi/nn/fold.hpp>
#include <kashi/nn/init.hpp>
#include <kashi/nn/linear.hpp>
#include <kashi/nn/loss.hpp>
#include <kashi/nn/module.hpp>
#include <kashi/nn/norm.hpp>
#include <kashi/nn/pool.hpp>
#include <kashi/nn/shape.hpp>
#include <kashi/nn/summary.hpp>

#include <kashi/optim/adam.hpp>
#include <kashi/optim/clip.hpp>
#include <kashi/optim/combined_lr.hpp>
#include <kashi/optim/cosine_lr.hpp>
#include <kashi/optim/ema.hpp>
#include <kashi/optim/linear_lr.hpp>
#include <kashi/optim/lion.hpp>
#include <kashi/optim/one_cycle.hpp>
#include <kashi/optim/plateau_lr.hpp>
#include <kashi/optim/rmsprop.hpp>
#include <kashi/optim/sgd.hpp>
#include <kashi/optim/step_lr.hpp>
#include <kashi/optim/weight_decay.hpp>

#include <kashi/data/cifar.hpp>
#include <kashi/data/dataset.hpp>
#include <kashi/data/loader.hpp>
#include <kashi/data/mix.hpp>
#include <kashi/data/split.hpp>
#include <kashi/data/synthetic.hpp>
#include <kashi/data/synthetic_teeth.hpp>
#include <kashi/data/tensor_dataset.hpp>
#include <kashi/data/textured_shapes.hpp>
#include <kashi/data/transforms.hpp>

#include <kashi/explain/attack.hpp>
#include <kashi/explain/class_visualization.hpp>
#include <kashi/explain/explain.hpp>
#include <kashi/explain/metrics.hpp>
#include <kashi/explain/sanity.hpp>
#include <kashi/explain/stability.hpp>
#include <kashi/vision/box.hpp>
#include <kashi/vision/correlation.hpp>
#include <kashi/vision/ddis.hpp>
#include <kashi/vision/dim.hpp>
#include <kashi/vision/feature_maps.hpp>
#include <kashi/vision/feature_matching.hpp>
#include <kashi/vision/qatm.hpp>

#include <kashi/models/presets.hpp>
#include <kashi/models/registry.hpp>
#include <kashi/models/rename_rules.hpp>
#include <kashi/models/resnext.hpp>
#include <kashi/models/resunet.hpp>

#include <kashi/plot/bar_chart.hpp>
#include <kashi/plot/boxes.hpp>
#include <kashi/plot/confusion_matrix.hpp>
#include <kashi/plot/contact_sheet.hpp>
#include <kashi/plot/filters.hpp>
#include <kashi/plot/heatmap.hpp>
#include <kashi/plot/line_chart.hpp>

#if __has_include(<zlib.h>)
#include <kashi/data/idx.hpp>
#include <kashi/io/npy.hpp>
#include <kashi/io/torch.hpp>
#endif

#if __has_include(<stb/stb_image.h>) || __has_include(<stb_image.h>)
#include <kashi/data/image_folder.hpp>
#include <kashi/data/mask_folder.hpp>
#include <kashi/io/animation.hpp>
#include <kashi/io/image.hpp>
#endif

#if __has_include(<nlohmann/json.hpp>)
#include <kashi/io/safetensors.hpp>
#include <kashi/train/checkpoint_file.hpp>
#include <kashi/train/early_stopping.hpp>
#include <kashi/train/mask_curve.hpp>
#include <kashi/train/metrics.hpp>
#include <kashi/train/progress.hpp>
#include <kashi/train/schedule.hpp>
#include <kashi/train/self_test.hpp>
#include <kashi/train/tensorboard.hpp>
#include <kashi/train/time_limit.hpp>
#include <kashi/train/trainer.hpp>
#include <kashi/train/weight_average.hpp>
#include <kashi/train/weights.hpp>
#endif

#if __has_include(<nlohmann/json.hpp>) && (__has_include(<stb/stb_image.h>) || __has_include(<stb_image.h>))
#include <kashi/train/live_report.hpp>
#include <kashi/train/network_picture.hpp>
#include <kashi/train/network_report.hpp>
#include <kashi/train/report.hpp>
#endif

#if __has_include(<nlohmann/json.hpp>) && __has_include(<zlib.h>)
#include <kashi/io/load_tensors.hpp>
#endif
