// The product of two matrices, either of them transposed, cut into tiles of the result.
#include "kernel.h"

namespace moescope {
namespace {

constexpr int64_t kTile = 256;

class MatrixProduct : public OpKernel {
 public:
  explicit MatrixProduct(OpKernelConstruction* c) : OpKernel(c) {
    OP_REQUIRES_OK(c, c->GetAttr("transpose_a", &transpose_a_));
    OP_REQUIRES_OK(c, c->GetAttr("transpose_b", &transpose_b_));
  }

  void Compute(OpKernelContext* c) override {
    const Tensor &left = c->input(0), &right = c->input(1);
    ConstRows a(Data(left), left.dim_size(0), left.dim_size(1)), b(Data(right), right.dim_size(0), right.dim_size(1));
    const int64_t rows = transpose_a_ ? a.cols() : a.rows(), columns = transpose_b_ ? b.rows() : b.cols();
    OP_REQUIRES(c, (transpose_a_ ? a.rows() : a.cols()) == (transpose_b_ ? b.cols() : b.rows()),
                tensorflow::errors::InvalidArgument("shapes ", left.shape().DebugString(), " and ",
                                                    right.shape().DebugString(), " cannot be multiplied"));
    Tensor* out;
    OP_REQUIRES_OK(c, c->allocate_output(0, TensorShape({rows, columns}), &out));
    Rows product(Data(out), rows, columns);
    const int64_t across = (columns + kTile - 1) / kTile, down = (rows + kTile - 1) / kTile;
    ForEachUnit(c, across * down, [&](int64_t unit) {
      const int64_t i = unit / across * kTile, j = unit % across * kTile;
      const int64_t m = std::min(kTile, rows - i), n = std::min(kTile, columns - j);
      auto tile = product.block(i, j, m, n);
      if (transpose_a_) {
        tile.noalias() = a.middleCols(i, m).transpose() * b.middleCols(j, n);
      } else if (transpose_b_) {
        tile.noalias() = a.middleRows(i, m) * b.middleRows(j, n).transpose();
      } else {
        tile.noalias() = a.middleRows(i, m) * b.middleCols(j, n);
      }
    });
  }

 private:
  bool transpose_a_, transpose_b_;
};

REGISTER_OP("MoescopeMatrixProduct")
    .Input("a: float")
    .Input("b: float")
    .Output("product: float")
    .Attr("transpose_a: bool")
    .Attr("transpose_b: bool")
    .SetShapeFn(tensorflow::shape_inference::UnknownShape);
REGISTER_KERNEL_BUILDER(Name("MoescopeMatrixProduct").Device(tensorflow::DEVICE_CPU), MatrixProduct);

}  // namespace
}  // namespace moescope
