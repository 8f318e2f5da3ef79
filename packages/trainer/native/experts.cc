// SwiGLU experts (arXiv 2002.05202) over tokens sorted by expert, and their gradient: y = (silu(x·W_gate) ⊙ x·W_up) · W_down.
//
// T tokens of width D, E experts of width F, R rows. Work is cut into blocks of rows of one expert, small enough that everything
// between the two matrix products stays in the cache; there is no padding, however unequal the experts' loads are.
#include <vector>

#include "kernel.h"

namespace moescope {
namespace {

constexpr int64_t kRowsPerBlock = 256;

struct Block {
  int64_t expert, first, rows;
};

std::vector<Block> BlocksOf(const int32_t* offset, int64_t experts) {
  std::vector<Block> blocks;
  for (int64_t e = 0; e < experts; ++e) {
    const int64_t load = offset[e + 1] - offset[e], parts = (load + kRowsPerBlock - 1) / kRowsPerBlock;
    for (int64_t p = 0; p < parts; ++p) {
      const int64_t first = load * p / parts, end = load * (p + 1) / parts;
      blocks.push_back({e, offset[e] + first, end - first});
    }
  }
  return blocks;
}

struct Shapes {
  int64_t rows, width, experts, hidden;
  Shapes(const Tensor& token_of, const Tensor& w_in)
      : rows(token_of.dim_size(0)), width(w_in.dim_size(1)), experts(w_in.dim_size(0)), hidden(w_in.dim_size(2) / 2) {}
  ConstRows In(const Tensor& w, int64_t e) const { return {Data(w) + e * width * 2 * hidden, width, 2 * hidden}; }
  ConstRows Out(const Tensor& w, int64_t e) const { return {Data(w) + e * hidden * width, hidden, width}; }
};

template <typename Out>
void GatherRows(const ConstRows& x, const int32_t* token, int64_t rows, Out&& out) {
  for (int64_t r = 0; r < rows; ++r) out.row(r) = x.row(token[r]);
}

// w_in is [E, D, 2F]: W_gate left, W_up right. `pre` [R, 2F] is what the gradient needs.
class Experts : public OpKernel {
 public:
  using OpKernel::OpKernel;

  void Compute(OpKernelContext* c) override {
    const Tensor &x = c->input(0), &w_in = c->input(1), &w_out = c->input(2), &token_of = c->input(3);
    const int32_t* token = token_of.flat<int32_t>().data();
    const Shapes s(token_of, w_in);
    Tensor *y, *pre;
    OP_REQUIRES_OK(c, c->allocate_output(0, TensorShape({s.rows, s.width}), &y));
    OP_REQUIRES_OK(c, c->allocate_output(1, TensorShape({s.rows, 2 * s.hidden}), &pre));
    const auto blocks = BlocksOf(c->input(4).flat<int32_t>().data(), s.experts);
    ConstRows tokens(Data(x), x.dim_size(0), s.width);
    Rows all_pre(Data(pre), s.rows, 2 * s.hidden), all_y(Data(y), s.rows, s.width);
    ForEachUnit(c, blocks.size(), [&](int64_t unit) {
      const Block& b = blocks[unit];
      Matrix xs(b.rows, s.width);
      GatherRows(tokens, token + b.first, b.rows, xs);
      auto p = all_pre.middleRows(b.first, b.rows);
      p.noalias() = xs * s.In(w_in, b.expert);
      const auto gate = p.leftCols(s.hidden).array();
      const Matrix h = gate * gate.logistic() * p.rightCols(s.hidden).array();
      all_y.middleRows(b.first, b.rows).noalias() = h * s.Out(w_out, b.expert);
    });
  }
};

class ExpertsGrad : public OpKernel {
 public:
  using OpKernel::OpKernel;

  void Compute(OpKernelContext* c) override {
    const Tensor &dy = c->input(0), &x = c->input(1), &w_in = c->input(2), &w_out = c->input(3);
    const Tensor &token_of = c->input(4), &pre = c->input(6), &row_of = c->input(7);
    const int32_t* token = token_of.flat<int32_t>().data();
    const int32_t* offset = c->input(5).flat<int32_t>().data();
    const Shapes s(token_of, w_in);
    Tensor *dx, *dw_in, *dw_out, temp_xs, temp_h, temp_dpre, temp_dxs;
    OP_REQUIRES_OK(c, c->allocate_output(0, x.shape(), &dx));
    OP_REQUIRES_OK(c, c->allocate_output(1, w_in.shape(), &dw_in));
    OP_REQUIRES_OK(c, c->allocate_output(2, w_out.shape(), &dw_out));
    const auto temp = [&](int64_t columns, Tensor* t) {
      return c->allocate_temp(tensorflow::DT_FLOAT, TensorShape({s.rows, columns}), t);
    };
    OP_REQUIRES_OK(c, temp(s.width, &temp_xs));
    OP_REQUIRES_OK(c, temp(s.hidden, &temp_h));
    OP_REQUIRES_OK(c, temp(2 * s.hidden, &temp_dpre));
    OP_REQUIRES_OK(c, temp(s.width, &temp_dxs));
    const auto blocks = BlocksOf(offset, s.experts);
    ConstRows tokens(Data(x), x.dim_size(0), s.width), up(Data(dy), s.rows, s.width);
    ConstRows all_pre(Data(pre), s.rows, 2 * s.hidden);
    Rows xs(Data(&temp_xs), s.rows, s.width), h(Data(&temp_h), s.rows, s.hidden);
    Rows dpre(Data(&temp_dpre), s.rows, 2 * s.hidden), dxs(Data(&temp_dxs), s.rows, s.width);

    ForEachUnit(c, blocks.size(), [&](int64_t unit) {
      const Block& b = blocks[unit];
      GatherRows(tokens, token + b.first, b.rows, xs.middleRows(b.first, b.rows));
      Matrix dh(b.rows, s.hidden);
      Vector sigmoid(s.hidden);
      dh.noalias() = up.middleRows(b.first, b.rows) * s.Out(w_out, b.expert).transpose();
      auto d = dpre.middleRows(b.first, b.rows);
      for (int64_t r = 0; r < b.rows; ++r) {
        const auto gate = all_pre.row(b.first + r).head(s.hidden).array();
        const auto upper = all_pre.row(b.first + r).tail(s.hidden).array();
        sigmoid.array() = gate.logistic();
        const auto swish = gate * sigmoid.array();
        h.row(b.first + r).array() = swish * upper;
        d.row(r).head(s.hidden).array() = dh.row(r).array() * upper * (sigmoid.array() + swish * (1 - sigmoid.array()));
        d.row(r).tail(s.hidden).array() = dh.row(r).array() * swish;
      }
      dxs.middleRows(b.first, b.rows).noalias() = d * s.In(w_in, b.expert).transpose();
    });
    ForEachUnit(c, 2 * s.experts, [&](int64_t unit) {
      const int64_t e = unit / 2, first = offset[e], load = offset[e + 1] - first;
      if (unit % 2 == 0) {
        Rows(Data(dw_in) + e * s.width * 2 * s.hidden, s.width, 2 * s.hidden).noalias() =
            xs.middleRows(first, load).transpose() * dpre.middleRows(first, load);
      } else {
        Rows(Data(dw_out) + e * s.hidden * s.width, s.hidden, s.width).noalias() =
            h.middleRows(first, load).transpose() * up.middleRows(first, load);
      }
    });
    const int64_t count = x.dim_size(0), choices = row_of.dim_size(1);
    const int32_t* row = row_of.flat<int32_t>().data();
    Rows out(Data(dx), count, s.width);
    ForEachBlock(c, count, 64, [&](int64_t begin, int64_t end) {
      for (int64_t t = begin; t < end; ++t) {
        out.row(t).setZero();
        for (int64_t i = t * choices; i < (t + 1) * choices; ++i) {
          if (row[i] >= 0) out.row(t) += dxs.row(row[i]);
        }
      }
    });
  }
};

REGISTER_OP("MoescopeExperts")
    .Input("x: float")
    .Input("w_in: float")
    .Input("w_out: float")
    .Input("token_of: int32")
    .Input("offset: int32")
    .Output("y: float")
    .Output("pre: float")
    .SetShapeFn(tensorflow::shape_inference::UnknownShape);
REGISTER_OP("MoescopeExpertsGrad")
    .Input("dy: float")
    .Input("x: float")
    .Input("w_in: float")
    .Input("w_out: float")
    .Input("token_of: int32")
    .Input("offset: int32")
    .Input("pre: float")
    .Input("row_of: int32")
    .Output("dx: float")
    .Output("dw_in: float")
    .Output("dw_out: float")
    .SetShapeFn(tensorflow::shape_inference::UnknownShape);
REGISTER_KERNEL_BUILDER(Name("MoescopeExperts").Device(tensorflow::DEVICE_CPU), Experts);
REGISTER_KERNEL_BUILDER(Name("MoescopeExpertsGrad").Device(tensorflow::DEVICE_CPU), ExpertsGrad);

}  // namespace
}  // namespace moescope
