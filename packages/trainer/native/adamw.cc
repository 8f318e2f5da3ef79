// AdamW (arXiv 1711.05101) over all parameters in one pass and in place, and the sum of squares that gradient clipping needs.
#include <vector>

#include "kernel.h"
#include "tensorflow/core/framework/resource_mgr.h"
#include "tensorflow/core/framework/resource_var.h"

namespace moescope {
namespace {

using tensorflow::Var;

constexpr int64_t kValuesPerBlock = 1 << 16;

// Blocks of equal size over a list of tensors, so that one large tensor does not keep one thread busy alone.
struct Piece {
  int tensor;
  int64_t first, size;
};

std::vector<Piece> PiecesOf(const tensorflow::OpInputList& tensors) {
  std::vector<Piece> pieces;
  for (int i = 0; i < tensors.size(); ++i) {
    const int64_t size = tensors[i].NumElements();
    for (int64_t first = 0; first < size; first += kValuesPerBlock) {
      pieces.push_back({i, first, std::min(kValuesPerBlock, size - first)});
    }
  }
  return pieces;
}

class SumOfSquares : public OpKernel {
 public:
  using OpKernel::OpKernel;

  void Compute(OpKernelContext* c) override {
    tensorflow::OpInputList values;
    OP_REQUIRES_OK(c, c->input_list("values", &values));
    const auto pieces = PiecesOf(values);
    std::vector<float> sums(pieces.size());
    ForEachUnit(c, pieces.size(), [&](int64_t unit) {
      const Piece& p = pieces[unit];
      sums[unit] = Eigen::Map<const Vector>(Data(values[p.tensor]) + p.first, p.size).squaredNorm();
    });
    double total = 0;
    for (float sum : sums) total += sum;
    Tensor* out;
    OP_REQUIRES_OK(c, c->allocate_output(0, TensorShape({}), &out));
    out->scalar<float>()() = static_cast<float>(total);
  }
};

// settings: learning rate, β1, β2, ε, gradient scale, 1 − β1^t, 1 − β2^t. decay: one weight decay for each variable.
class AdamW : public OpKernel {
 public:
  using OpKernel::OpKernel;

  void Compute(OpKernelContext* c) override {
    tensorflow::OpInputList variables, first_moments, second_moments, gradients;
    OP_REQUIRES_OK(c, c->input_list("variables", &variables));
    OP_REQUIRES_OK(c, c->input_list("first_moments", &first_moments));
    OP_REQUIRES_OK(c, c->input_list("second_moments", &second_moments));
    OP_REQUIRES_OK(c, c->input_list("gradients", &gradients));
    const Tensor *settings_tensor, *decay_tensor;
    OP_REQUIRES_OK(c, c->input("settings", &settings_tensor));
    OP_REQUIRES_OK(c, c->input("decay", &decay_tensor));
    const float* settings = Data(*settings_tensor);
    const float rate = settings[0], beta1 = settings[1], beta2 = settings[2], epsilon = settings[3], scale = settings[4];
    const float correct1 = 1 / settings[5], correct2 = 1 / settings[6];

    std::vector<float*> w, m, v;
    OP_REQUIRES_OK(c, Open(c, variables, gradients, &w));
    OP_REQUIRES_OK(c, Open(c, first_moments, gradients, &m));
    OP_REQUIRES_OK(c, Open(c, second_moments, gradients, &v));
    const auto pieces = PiecesOf(gradients);
    ForEachUnit(c, pieces.size(), [&](int64_t unit) {
      const Piece& p = pieces[unit];
      Eigen::Map<const Eigen::ArrayXf> g(Data(gradients[p.tensor]) + p.first, p.size);
      Eigen::Map<Eigen::ArrayXf> weight(w[p.tensor] + p.first, p.size);
      Eigen::Map<Eigen::ArrayXf> mean(m[p.tensor] + p.first, p.size), square(v[p.tensor] + p.first, p.size);
      const float keep = 1 - rate * Data(*decay_tensor)[p.tensor];
      constexpr int64_t kStrip = 512;  // small enough that the three passes below stay in the first-level cache
      for (int64_t i = 0; i < p.size; i += kStrip) {
        const int64_t n = std::min(kStrip, p.size - i);
        mean.segment(i, n) = beta1 * mean.segment(i, n) + (1 - beta1) * scale * g.segment(i, n);
        square.segment(i, n) = beta2 * square.segment(i, n) + (1 - beta2) * (scale * g.segment(i, n)).square();
        weight.segment(i, n) = keep * weight.segment(i, n) - rate * correct1 * mean.segment(i, n) /
                                                                ((correct2 * square.segment(i, n)).sqrt() + epsilon);
      }
    });
  }

 private:
  // Memory of each variable, its own copy first where a reader still holds the old value.
  static absl::Status Open(OpKernelContext* c, const tensorflow::OpInputList& handles,
                           const tensorflow::OpInputList& gradients, std::vector<float*>* memory) {
    for (int i = 0; i < handles.size(); ++i) {
      tensorflow::core::RefCountPtr<Var> variable;
      TF_RETURN_IF_ERROR(
          tensorflow::LookupResource(c, handles[i].scalar<tensorflow::ResourceHandle>()(), &variable));
      Tensor* value = variable->tensor();
      if (value->shape() != gradients[i].shape()) {
        return tensorflow::errors::InvalidArgument("variable ", i, " is ", value->shape().DebugString(),
                                                   " but its gradient ", gradients[i].shape().DebugString());
      }
      if (!value->RefCountIsOne()) {
        Tensor copy;
        TF_RETURN_IF_ERROR(c->allocate_temp(value->dtype(), value->shape(), &copy));
        copy.flat<float>() = value->flat<float>();
        *value = copy;
      }
      memory->push_back(Data(value));
    }
    return absl::OkStatus();
  }
};

REGISTER_OP("MoescopeSumOfSquares")
    .Input("values: N * float")
    .Output("sum: float")
    .Attr("N: int >= 1")
    .SetShapeFn(tensorflow::shape_inference::ScalarShape);
REGISTER_OP("MoescopeAdamW")
    .Input("variables: N * resource")
    .Input("first_moments: N * resource")
    .Input("second_moments: N * resource")
    .Input("gradients: N * float")
    .Input("settings: float")
    .Input("decay: float")
    .Attr("N: int >= 1")
    .SetIsStateful()
    .SetShapeFn(tensorflow::shape_inference::NoOutputs);
REGISTER_KERNEL_BUILDER(Name("MoescopeSumOfSquares").Device(tensorflow::DEVICE_CPU), SumOfSquares);
REGISTER_KERNEL_BUILDER(Name("MoescopeAdamW").Device(tensorflow::DEVICE_CPU), AdamW);

}  // namespace
}  // namespace moescope
