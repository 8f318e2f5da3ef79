// RMSNorm (arXiv 1910.07467) and its gradient: y = x · rstd · gain, rstd = 1/√(mean(x²) + ε), a row at a time.
#include "kernel.h"

namespace moescope {
namespace {

constexpr int64_t kRowsPerBlock = 64;

class RmsNorm : public OpKernel {
 public:
  explicit RmsNorm(OpKernelConstruction* c) : OpKernel(c) { OP_REQUIRES_OK(c, c->GetAttr("epsilon", &epsilon_)); }

  void Compute(OpKernelContext* c) override {
    const Tensor& x = c->input(0);
    const Tensor& gain = c->input(1);
    const int64_t rows = x.dim_size(0), width = x.dim_size(1);
    Tensor *y, *rstd;
    OP_REQUIRES_OK(c, c->allocate_output(0, x.shape(), &y));
    OP_REQUIRES_OK(c, c->allocate_output(1, TensorShape({rows}), &rstd));
    ConstRows in(Data(x), rows, width);
    Rows out(Data(y), rows, width);
    Eigen::Map<const Vector> g(Data(gain), width);
    ForEachBlock(c, rows, kRowsPerBlock, [&](int64_t first, int64_t end) {
      for (int64_t r = first; r < end; ++r) {
        const float scale = 1.0f / std::sqrt(in.row(r).squaredNorm() / width + epsilon_);
        Data(rstd)[r] = scale;
        out.row(r).array() = in.row(r).array() * scale * g.array();
      }
    });
  }

 private:
  float epsilon_;
};

// dx = rstd · (g·dy − x · rstd² · mean(g·dy·x)), dgain = Σ_rows dy · x · rstd.
class RmsNormGrad : public OpKernel {
 public:
  using OpKernel::OpKernel;

  void Compute(OpKernelContext* c) override {
    const Tensor &dy = c->input(0), &x = c->input(1), &gain = c->input(2), &rstd = c->input(3);
    const int64_t rows = x.dim_size(0), width = x.dim_size(1);
    const int64_t blocks = (rows + kRowsPerBlock - 1) / kRowsPerBlock;
    Tensor *dx, *dgain, partial;
    OP_REQUIRES_OK(c, c->allocate_output(0, x.shape(), &dx));
    OP_REQUIRES_OK(c, c->allocate_output(1, gain.shape(), &dgain));
    OP_REQUIRES_OK(c, c->allocate_temp(tensorflow::DT_FLOAT, TensorShape({blocks, width}), &partial));
    ConstRows in(Data(x), rows, width), up(Data(dy), rows, width);
    Rows out(Data(dx), rows, width), sums(Data(&partial), blocks, width);
    Eigen::Map<const Vector> g(Data(gain), width);
    ForEachBlock(c, rows, kRowsPerBlock, [&](int64_t first, int64_t end) {
      auto sum = sums.row(first / kRowsPerBlock);
      sum.setZero();
      for (int64_t r = first; r < end; ++r) {
        const float scale = Data(rstd)[r];
        const float dot = (g.array() * up.row(r).array() * in.row(r).array()).sum() / width;
        out.row(r).array() = scale * (g.array() * up.row(r).array() - in.row(r).array() * (scale * scale * dot));
        sum.array() += up.row(r).array() * in.row(r).array() * scale;
      }
    });
    Eigen::Map<Vector>(Data(dgain), width) = sums.colwise().sum();
  }
};

REGISTER_OP("MoescopeRmsNorm")
    .Input("x: float")
    .Input("gain: float")
    .Output("y: float")
    .Output("rstd: float")
    .Attr("epsilon: float")
    .SetShapeFn(tensorflow::shape_inference::UnknownShape);
REGISTER_OP("MoescopeRmsNormGrad")
    .Input("dy: float")
    .Input("x: float")
    .Input("gain: float")
    .Input("rstd: float")
    .Output("dx: float")
    .Output("dgain: float")
    .SetShapeFn(tensorflow::shape_inference::UnknownShape);
REGISTER_KERNEL_BUILDER(Name("MoescopeRmsNorm").Device(tensorflow::DEVICE_CPU), RmsNorm);
REGISTER_KERNEL_BUILDER(Name("MoescopeRmsNormGrad").Device(tensorflow::DEVICE_CPU), RmsNormGrad);

}  // namespace
}  // namespace moescope
