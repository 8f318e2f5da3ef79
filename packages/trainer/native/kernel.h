// What every fused operation shares: row-major matrices over tensor memory and work spread over TensorFlow's threads.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <thread>

#include "Eigen/Core"
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

// Threads that help the calling one. They stay awake for a moment after each operation: the next one of a step follows within
// microseconds, and waking a thread costs more than many operations take.
class Helpers {
 public:
  // Never destroyed: its threads run until the process ends.
  static Helpers& Get(int count) {
    static Helpers* helpers = new Helpers(count);
    return *helpers;
  }

  // Runs work() on the calling thread and on every helper; returns when all have returned.
  void RunWith(const std::function<void()>& work) {
    std::lock_guard<std::mutex> one_at_a_time(calls_);
    work_ = &work;
    running_.store(count_, std::memory_order_relaxed);
    {
      std::lock_guard<std::mutex> lock(sleep_);
      round_.fetch_add(1, std::memory_order_release);
    }
    wake_.notify_all();
    work();
    for (int spins = 0; running_.load(std::memory_order_acquire) > 0; ++spins) {
      if (spins > kSpins) std::this_thread::yield();
    }
  }

 private:
  static constexpr int kSpins = 100000;  // a millisecond or less

  explicit Helpers(int count) : count_(count) {
    for (int i = 0; i < count; ++i) std::thread([this] { Loop(); }).detach();
  }

  void Loop() {
    for (uint64_t seen = 0;; ++seen) {
      for (int spins = 0; round_.load(std::memory_order_acquire) == seen; ++spins) {
        if (spins < kSpins) continue;
        std::unique_lock<std::mutex> lock(sleep_);
        wake_.wait(lock, [&] { return round_.load(std::memory_order_acquire) != seen; });
      }
      (*work_)();
      running_.fetch_sub(1, std::memory_order_release);
    }
  }

  const int count_;
  const std::function<void()>* work_ = nullptr;
  std::atomic<uint64_t> round_{0};
  std::atomic<int> running_{0};
  std::mutex calls_, sleep_;
  std::condition_variable wake_;
};

// Runs body(0 … units − 1) on as many threads as TensorFlow has. Units are taken as threads become free, so a unit must write only
// what is its own; then the result does not depend on which thread ran it.
template <typename Body>
void ForEachUnit(OpKernelContext* context, int64_t units, const Body& body) {
  const int threads = context->device()->tensorflow_cpu_worker_threads()->num_threads;
  std::atomic<int64_t> next{0};
  const auto work = [&] {
    for (int64_t unit; (unit = next.fetch_add(1)) < units;) body(unit);
  };
  if (threads < 2 || units < 2) return work();
  Helpers::Get(threads - 1).RunWith(work);
}

// The same over `count` items in blocks of `block`: body(first, end).
template <typename Body>
void ForEachBlock(OpKernelContext* context, int64_t count, int64_t block, const Body& body) {
  ForEachUnit(context, (count + block - 1) / block,
              [&](int64_t unit) { body(unit * block, std::min(count, (unit + 1) * block)); });
}

}  // namespace moescope
