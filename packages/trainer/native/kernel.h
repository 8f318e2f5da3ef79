// What every fused operation shares: row-major matrices over tensor memory and work spread over TensorFlow's threads.
#pragma once

#include <atomic>
#include <cstdint>

#include "Eigen/Core"
#include "absl/synchronization/blocking_counter.h"
#include "tensorflow/core/framework/common_shape_fns.h"
#include "tensorflow/core/framework/op.h"
#include "tensorflow/core/framework/op_kernel.h"

namespace moescope {

using tensorflow::OpKernel;
using tensorflow::OpKernelConstruction;
using tensorflow::OpKernelContext;
using tensorflow::Tensor;
using tensorflow::TensorShape;

using Matrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using Vector = Eigen::Matrix<float, 1, Eigen::Dynamic>;
using Rows = Eigen::Map<Matrix>;
using ConstRows = Eigen::Map<const Matrix>;
// A matrix whose rows lie further apart than they are long: some columns of a wider one.
using StridedRows = Eigen::Map<Matrix, 0, Eigen::OuterStride<>>;
using ConstStridedRows = Eigen::Map<const Matrix, 0, Eigen::OuterStride<>>;

inline const float* Data(const Tensor& t) { return t.flat<float>().data(); }
inline float* Data(Tensor* t) { return t->flat<float>().data(); }

// Runs body(0 … units − 1) on the calling thread and TensorFlow's. Units are taken as threads become free, so a unit must write
// only what is its own; then the result does not depend on which thread ran it.
template <typename Body>
void ForEachUnit(OpKernelContext* context, int64_t units, const Body& body) {
  auto* threads = context->device()->tensorflow_cpu_worker_threads();
  const int helpers = static_cast<int>(std::min<int64_t>(threads->num_threads, units)) - 1;
  std::atomic<int64_t> next{0};
  auto work = [&] {
    for (int64_t unit; (unit = next.fetch_add(1)) < units;) body(unit);
  };
  if (helpers <= 0) return work();
  absl::BlockingCounter running(helpers);
  for (int i = 0; i < helpers; ++i) {
    threads->workers->Schedule([&] {
      work();
      running.DecrementCount();
    });
  }
  work();
  running.Wait();
}

// The same over `count` items in blocks of `block`: body(first, end).
template <typename Body>
void ForEachBlock(OpKernelContext* context, int64_t count, int64_t block, const Body& body) {
  ForEachUnit(context, (count + block - 1) / block,
              [&](int64_t unit) { body(unit * block, std::min(count, (unit + 1) * block)); });
}

}  // namespace moescope
