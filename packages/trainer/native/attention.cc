// Causal self-attention with rotary positions, and its gradient, a head of a sequence at a time. Scores exist for one block of
// queries only: they are made again in the backward pass from the saved log-sum-exp (arXiv 2205.14135).
//
// B sequences, S positions, H heads of width W; qkv is [B·S, 3·H·W] with the queries of all heads first, then keys, then values.
#include "kernel.h"

namespace moescope {
namespace {

constexpr int64_t kQueriesPerBlock = 64;

// One head of one sequence inside the big matrices.
struct Head {
  int64_t sequence, heads, width, batch, head;

  int64_t model() const { return heads * width; }
  int64_t column(int part) const { return part * model() + head * width; }
  // part 0: queries, 1: keys, 2: values
  ConstStridedRows In(const float* qkv, int part) const {
    return {qkv + batch * sequence * 3 * model() + column(part), sequence, width, Eigen::OuterStride<>(3 * model())};
  }
  StridedRows In(float* qkv, int part) const {
    return {qkv + batch * sequence * 3 * model() + column(part), sequence, width, Eigen::OuterStride<>(3 * model())};
  }
  ConstStridedRows Out(const float* out) const {
    return {out + batch * sequence * model() + head * width, sequence, width, Eigen::OuterStride<>(model())};
  }
  StridedRows Out(float* out) const {
    return {out + batch * sequence * model() + head * width, sequence, width, Eigen::OuterStride<>(model())};
  }
};

// Rotary position embedding (arXiv 2104.09864): pairs (j, j + W/2) turn by the angle of their position; direction −1 turns back.
template <typename From, typename To>
void Rotate(const From& from, const ConstRows& cosine, const ConstRows& sine, float direction, float scale, To&& to) {
  const int64_t half = from.cols() / 2;
  for (int64_t r = 0; r < from.rows(); ++r) {
    const float *in = &from.coeffRef(r, 0), *c = &cosine.coeffRef(r, 0), *s = &sine.coeffRef(r, 0);
    float* out = &to.coeffRef(r, 0);
    for (int64_t j = 0; j < half; ++j) {
      const float a = scale * in[j], b = scale * in[j + half], turn = direction * s[j];
      out[j] = a * c[j] - b * turn;
      out[j + half] = b * c[j] + a * turn;
    }
  }
}

struct Shapes {
  int64_t sequence, heads, width, batches;
  static Shapes Of(const Tensor& qkv, const Tensor& cosine, int64_t heads) {
    const int64_t sequence = cosine.dim_size(0);
    return {sequence, heads, qkv.dim_size(1) / (3 * heads), qkv.dim_size(0) / sequence};
  }
  Head At(int64_t unit) const { return {sequence, heads, width, unit / heads, unit % heads}; }
};

class Attention : public OpKernel {
 public:
  explicit Attention(OpKernelConstruction* c) : OpKernel(c) { OP_REQUIRES_OK(c, c->GetAttr("heads", &heads_)); }

  void Compute(OpKernelContext* c) override {
    const Tensor &qkv = c->input(0), &cosine = c->input(1), &sine = c->input(2);
    const Shapes s = Shapes::Of(qkv, cosine, heads_);
    Tensor *out, *lse;
    OP_REQUIRES_OK(c, c->allocate_output(0, TensorShape({qkv.dim_size(0), s.heads * s.width}), &out));
    OP_REQUIRES_OK(c, c->allocate_output(1, TensorShape({s.batches * s.heads, s.sequence}), &lse));
    ConstRows cos(Data(cosine), s.sequence, s.width / 2);
    ConstRows sin(Data(sine), s.sequence, s.width / 2);
    ForEachUnit(c, s.batches * s.heads, [&](int64_t unit) {
      const Head head = s.At(unit);
      Matrix q(s.sequence, s.width), k(s.sequence, s.width), scores;
      Rotate(head.In(Data(qkv), 0), cos, sin, 1, 1 / std::sqrt(static_cast<float>(s.width)), q);
      Rotate(head.In(Data(qkv), 1), cos, sin, 1, 1, k);
      const auto v = head.In(Data(qkv), 2);
      auto o = head.Out(Data(out));
      for (int64_t first = 0; first < s.sequence; first += kQueriesPerBlock) {
        const int64_t queries = std::min(kQueriesPerBlock, s.sequence - first), keys = first + queries;
        scores.noalias() = q.middleRows(first, queries) * k.topRows(keys).transpose();
        for (int64_t r = 0; r < queries; ++r) {
          scores.row(r).tail(queries - r - 1).setConstant(-std::numeric_limits<float>::infinity());
          const float top = scores.row(r).maxCoeff();
          scores.row(r) = (scores.row(r).array() - top).exp();
          const float sum = scores.row(r).sum();
          scores.row(r) *= 1 / sum;
          Data(lse)[unit * s.sequence + first + r] = top + std::log(sum);
        }
        o.middleRows(first, queries).noalias() = scores * v.topRows(keys);
      }
    });
  }

 private:
  int64_t heads_;
};

class AttentionGrad : public OpKernel {
 public:
  explicit AttentionGrad(OpKernelConstruction* c) : OpKernel(c) { OP_REQUIRES_OK(c, c->GetAttr("heads", &heads_)); }

  void Compute(OpKernelContext* c) override {
    const Tensor &dout = c->input(0), &qkv = c->input(1), &cosine = c->input(2), &sine = c->input(3);
    const Tensor &out = c->input(4), &lse = c->input(5);
    const Shapes s = Shapes::Of(qkv, cosine, heads_);
    Tensor* dqkv;
    OP_REQUIRES_OK(c, c->allocate_output(0, qkv.shape(), &dqkv));
    ConstRows cos(Data(cosine), s.sequence, s.width / 2);
    ConstRows sin(Data(sine), s.sequence, s.width / 2);
    const float scale = 1 / std::sqrt(static_cast<float>(s.width));
    ForEachUnit(c, s.batches * s.heads, [&](int64_t unit) {
      const Head head = s.At(unit);
      Matrix q(s.sequence, s.width), k(s.sequence, s.width), p, ds;
      Matrix dq(s.sequence, s.width), dk = Matrix::Zero(s.sequence, s.width), dv = Matrix::Zero(s.sequence, s.width);
      Rotate(head.In(Data(qkv), 0), cos, sin, 1, scale, q);
      Rotate(head.In(Data(qkv), 1), cos, sin, 1, 1, k);
      const Matrix v = head.In(Data(qkv), 2), up = head.Out(Data(dout));
      const Eigen::VectorXf delta = up.cwiseProduct(head.Out(Data(out))).rowwise().sum();
      for (int64_t first = 0; first < s.sequence; first += kQueriesPerBlock) {
        const int64_t queries = std::min(kQueriesPerBlock, s.sequence - first), keys = first + queries;
        p.noalias() = q.middleRows(first, queries) * k.topRows(keys).transpose();
        ds.noalias() = up.middleRows(first, queries) * v.topRows(keys).transpose();
        for (int64_t r = 0; r < queries; ++r) {
          p.row(r) = (p.row(r).array() - Data(lse)[unit * s.sequence + first + r]).exp();
          p.row(r).tail(queries - r - 1).setZero();
          ds.row(r) = p.row(r).array() * (ds.row(r).array() - delta[first + r]);
        }
        dq.middleRows(first, queries).noalias() = ds * k.topRows(keys);
        dk.topRows(keys).noalias() += ds.transpose() * q.middleRows(first, queries);
        dv.topRows(keys).noalias() += p.transpose() * up.middleRows(first, queries);
      }
      Rotate(dq, cos, sin, -1, scale, head.In(Data(dqkv), 0));
      Rotate(dk, cos, sin, -1, 1, head.In(Data(dqkv), 1));
      head.In(Data(dqkv), 2) = dv;
    });
  }

 private:
  int64_t heads_;
};

REGISTER_OP("MoescopeAttention")
    .Input("qkv: float")
    .Input("cosine: float")
    .Input("sine: float")
    .Output("out: float")
    .Output("log_sum_exp: float")
    .Attr("heads: int")
    .SetShapeFn(tensorflow::shape_inference::UnknownShape);
REGISTER_OP("MoescopeAttentionGrad")
    .Input("dout: float")
    .Input("qkv: float")
    .Input("cosine: float")
    .Input("sine: float")
    .Input("out: float")
    .Input("log_sum_exp: float")
    .Output("dqkv: float")
    .Attr("heads: int")
    .SetShapeFn(tensorflow::shape_inference::UnknownShape);
REGISTER_KERNEL_BUILDER(Name("MoescopeAttention").Device(tensorflow::DEVICE_CPU), Attention);
REGISTER_KERNEL_BUILDER(Name("MoescopeAttentionGrad").Device(tensorflow::DEVICE_CPU), AttentionGrad);

}  // namespace
}  // namespace moescope
