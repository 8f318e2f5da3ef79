// Tells which set of fused operations this addon was built with.
#include "kernel.h"

namespace moescope {
namespace {

// Raised with every change of an operation's inputs, outputs or meaning; ops/native.ts expects the same number.
constexpr int32_t kVersion = 5;

class Version : public OpKernel {
 public:
  using OpKernel::OpKernel;

  void Compute(OpKernelContext* c) override {
    Tensor* out;
    OP_REQUIRES_OK(c, c->allocate_output(0, TensorShape({}), &out));
    out->scalar<int32_t>()() = kVersion;
  }
};

REGISTER_OP("MoescopeVersion").Output("version: int32").SetShapeFn(tensorflow::shape_inference::ScalarShape);
REGISTER_KERNEL_BUILDER(Name("MoescopeVersion").Device(tensorflow::DEVICE_CPU), Version);

}  // namespace
}  // namespace moescope
