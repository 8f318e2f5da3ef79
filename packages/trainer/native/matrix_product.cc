// The product of two matrices, either of them transposed, cut into tiles of the result.
#include "kernel.h"

namespace moescope {
namespace {

// Tiles are cut smaller until there are enough of them to share; their number, and so the rounding, depends on the shape alone.
constexpr int64_t kLargestTile = 256, kSmallestTile = 64, kEnoughTiles = 8;

int64_t TilesOf(int64_t length, int64_t tile) { return (length + tile - 1) / tile; }

int64_t TileFor(int64_t rows, int64_t columns) {
  int64_t tile = kLargestTile;
  while (tile > kSmallestTile && TilesOf(rows, tile) * TilesOf(columns, tile) < kEnoughTiles) tile /= 2;
  return tile;
}

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
    const int64_t tile_size = TileFor(rows, columns), across = TilesOf(columns, tile_size);
    ForEachUnit(c, across * TilesOf(rows, tile_size), [&](int64_t unit) {
      const int64_t i = unit / across * tile_size, j = unit % across * tile_size;
      const int64_t m = std::min(tile_size, rows - i), n = std::min(tile_size, columns - j);
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
