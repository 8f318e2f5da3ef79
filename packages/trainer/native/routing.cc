// The order in which experts work through tokens, the weighted sum that brings their answers back, and counts of what was routed.
//
// T tokens, K choices each, E experts, R = T·K rows. Rows of one expert lie together, in the order of `offset` [E + 1]. A choice of −1
// is no choice: it has no row.
#include <vector>

#include "kernel.h"

namespace moescope {
namespace {

// Assigns a row to every (token, choice). All first choices come before any second choice (arXiv 2006.16668), so when experts have
// a capacity it is later choices that are dropped: they get row −1.
class RoutePlan : public OpKernel {
 public:
  explicit RoutePlan(OpKernelConstruction* c) : OpKernel(c) {
    OP_REQUIRES_OK(c, c->GetAttr("experts", &experts_));
    OP_REQUIRES_OK(c, c->GetAttr("capacity", &capacity_));
  }

  void Compute(OpKernelContext* c) override {
    const Tensor& choice = c->input(0);
    const int64_t tokens = choice.dim_size(0), choices = choice.dim_size(1);
    const int32_t* expert_of = choice.flat<int32_t>().data();
    Tensor *row_of, *token_of, *offset, *chosen, *kept;
    OP_REQUIRES_OK(c, c->allocate_output(0, choice.shape(), &row_of));
    OP_REQUIRES_OK(c, c->allocate_output(1, TensorShape({tokens * choices}), &token_of));
    OP_REQUIRES_OK(c, c->allocate_output(2, TensorShape({experts_ + 1}), &offset));
    OP_REQUIRES_OK(c, c->allocate_output(3, TensorShape({tokens, experts_}), &chosen));
    OP_REQUIRES_OK(c, c->allocate_output(4, TensorShape({tokens, experts_}), &kept));
    chosen->flat<float>().setZero();
    kept->flat<float>().setZero();
    int32_t* row = row_of->flat<int32_t>().data();
    int32_t* token = token_of->flat<int32_t>().data();
    int32_t* first = offset->flat<int32_t>().data();

    std::vector<int32_t> load(experts_, 0);
    for (int64_t i = 0; i < tokens * choices; ++i) {
      OP_REQUIRES(c, expert_of[i] >= -1 && expert_of[i] < experts_,
                  tensorflow::errors::InvalidArgument("expert ", expert_of[i], " is not one of ", experts_));
      if (expert_of[i] >= 0) ++load[expert_of[i]];
    }
    first[0] = 0;
    for (int64_t e = 0; e < experts_; ++e) {
      first[e + 1] = first[e] + (capacity_ > 0 ? std::min<int32_t>(load[e], capacity_) : load[e]);
    }
    std::fill(token, token + tokens * choices, 0);
    std::vector<int32_t> next(first, first + experts_);
    for (int64_t k = 0; k < choices; ++k) {
      for (int64_t t = 0; t < tokens; ++t) {
        const int32_t e = expert_of[t * choices + k];
        if (e < 0) {
          row[t * choices + k] = -1;
          continue;
        }
        const bool fits = next[e] < first[e + 1];
        row[t * choices + k] = fits ? next[e] : -1;
        Data(chosen)[t * experts_ + e] = 1;
        Data(kept)[t * experts_ + e] = fits ? 1 : 0;
        if (fits) token[next[e]++] = static_cast<int32_t>(t);
      }
    }
  }

 private:
  int64_t experts_, capacity_;
};

constexpr int64_t kTokensPerBlock = 64;

// y[t] = Σ_k gate[t, expert_of[t, k]] · rows[row_of[t, k]]
class Combine : public OpKernel {
 public:
  using OpKernel::OpKernel;

  void Compute(OpKernelContext* c) override {
    const Tensor &rows = c->input(0), &gate = c->input(1), &row_of = c->input(2);
    const int64_t tokens = row_of.dim_size(0), choices = row_of.dim_size(1), width = rows.dim_size(1);
    const int64_t experts = gate.dim_size(1);
    const int32_t* row = row_of.flat<int32_t>().data();
    const int32_t* expert = c->input(3).flat<int32_t>().data();
    Tensor* y;
    OP_REQUIRES_OK(c, c->allocate_output(0, TensorShape({tokens, width}), &y));
    ConstRows in(Data(rows), rows.dim_size(0), width);
    Rows out(Data(y), tokens, width);
    ForEachBlock(c, tokens, kTokensPerBlock, [&](int64_t first, int64_t end) {
      for (int64_t t = first; t < end; ++t) {
        out.row(t).setZero();
        for (int64_t i = t * choices; i < (t + 1) * choices; ++i) {
          if (row[i] >= 0) out.row(t) += Data(gate)[t * experts + expert[i]] * in.row(row[i]);
        }
      }
    });
  }
};

// For every kept choice: drows[row] = gate · dy[t] and dgate[t, expert] = dy[t] · rows[row]; zero everywhere else.
class CombineGrad : public OpKernel {
 public:
  using OpKernel::OpKernel;

  void Compute(OpKernelContext* c) override {
    const Tensor &dy = c->input(0), &rows = c->input(1), &gate = c->input(2), &row_of = c->input(3);
    const int64_t tokens = row_of.dim_size(0), choices = row_of.dim_size(1), width = rows.dim_size(1);
    const int64_t experts = gate.dim_size(1);
    const int32_t* row = row_of.flat<int32_t>().data();
    const int32_t* expert = c->input(4).flat<int32_t>().data();
    Tensor *drows, *dgate;
    OP_REQUIRES_OK(c, c->allocate_output(0, rows.shape(), &drows));
    OP_REQUIRES_OK(c, c->allocate_output(1, gate.shape(), &dgate));
    dgate->flat<float>().setZero();
    ConstRows in(Data(rows), rows.dim_size(0), width), up(Data(dy), tokens, width);
    Rows out(Data(drows), rows.dim_size(0), width);
    ForEachBlock(c, tokens, kTokensPerBlock, [&](int64_t first, int64_t end) {
      for (int64_t t = first; t < end; ++t) {
        for (int64_t i = t * choices; i < (t + 1) * choices; ++i) {
          if (row[i] < 0) continue;
          const int64_t at = t * experts + expert[i];
          Data(dgate)[at] = up.row(t).dot(in.row(row[i]));
          out.row(row[i]) = Data(gate)[at] * up.row(t);
        }
      }
    });
  }
};

// For every layer, rows of [E] one below another: for every category Σ chosen over its tokens; if anything can be dropped, for every
// category Σ (chosen − kept); Σ gate · kept over all tokens; Σ of the scores' shares over all tokens. [L·R, E]. A token belongs to a
// category by `category` [T, C]. Each sum is made by one thread, tokens in order, so it does not depend on how many threads there are.
class CountRouting : public OpKernel {
 public:
  explicit CountRouting(OpKernelConstruction* c) : OpKernel(c) {
    OP_REQUIRES_OK(c, c->GetAttr("layers", &layers_));
    OP_REQUIRES_OK(c, c->GetAttr("droppable", &droppable_));
    OP_REQUIRES_OK(c, c->GetAttr("scores_are_shares", &scores_are_shares_));
  }

  void Compute(OpKernelContext* c) override {
    const Tensor& category = c->input(0);
    const int64_t tokens = category.dim_size(0), categories = category.dim_size(1), experts = c->input(1).dim_size(1);
    const std::vector<int64_t> category_of = CategoryOf(category);
    const int64_t rows = categories * (droppable_ ? 2 : 1) + 2;
    Tensor* sums;
    OP_REQUIRES_OK(c, c->allocate_output(0, TensorShape({layers_ * rows, experts}), &sums));
    ForEachUnit(c, layers_ * 3, [&](int64_t unit) {
      const int64_t layer = unit / 3;
      const auto input = [&](int64_t group) {
        return ConstRows(Data(c->input(1 + group * layers_ + layer)), tokens, experts);
      };
      const ConstRows chosen = input(0), kept = input(1), gate = input(2), score = input(3);
      Rows out(Data(sums) + layer * rows * experts, rows, experts);
      const auto over_all = [&](const auto& term) {
        Total total = Total::Zero(experts);
        for (int64_t t = 0; t < tokens; ++t) total += term(t).template cast<double>();
        return total.template cast<float>().eval();
      };
      if (unit % 3 == 0) {
        // Whole numbers, exact in float up to 2^24.
        out.topRows(rows - 2).setZero();
        for (int64_t t = 0; t < tokens; ++t) {
          if (category_of[t] < 0) continue;
          out.row(category_of[t]) += chosen.row(t);
          if (droppable_) out.row(categories + category_of[t]) += chosen.row(t) - kept.row(t);
        }
      } else if (unit % 3 == 1) {
        out.row(rows - 2) = droppable_ ? over_all([&](int64_t t) { return gate.row(t).cwiseProduct(kept.row(t)); })
                                       : over_all([&](int64_t t) { return gate.row(t); });
      } else {
        out.row(rows - 1) = over_all([&](int64_t t) {
          return score.row(t) / (scores_are_shares_ ? 1.0f : score.row(t).sum() + 1e-20f);
        });
      }
    });
  }

 private:
  using Total = Eigen::Matrix<double, 1, Eigen::Dynamic>;

  // −1 where a token has none.
  static std::vector<int64_t> CategoryOf(const Tensor& category) {
    const int64_t tokens = category.dim_size(0), categories = category.dim_size(1);
    std::vector<int64_t> category_of(tokens, -1);
    for (int64_t t = 0; t < tokens; ++t) {
      for (int64_t own = 0; own < categories; ++own) {
        if (Data(category)[t * categories + own] != 0) category_of[t] = own;
      }
    }
    return category_of;
  }

  int64_t layers_;
  bool droppable_, scores_are_shares_;
};

REGISTER_OP("MoescopeRoutePlan")
    .Input("expert_of: int32")
    .Output("row_of: int32")
    .Output("token_of: int32")
    .Output("offset: int32")
    .Output("chosen: float")
    .Output("kept: float")
    .Attr("experts: int")
    .Attr("capacity: int")
    .SetShapeFn(tensorflow::shape_inference::UnknownShape);
REGISTER_OP("MoescopeCombine")
    .Input("rows: float")
    .Input("gate: float")
    .Input("row_of: int32")
    .Input("expert_of: int32")
    .Output("y: float")
    .SetShapeFn(tensorflow::shape_inference::UnknownShape);
REGISTER_OP("MoescopeCombineGrad")
    .Input("dy: float")
    .Input("rows: float")
    .Input("gate: float")
    .Input("row_of: int32")
    .Input("expert_of: int32")
    .Output("drows: float")
    .Output("dgate: float")
    .SetShapeFn(tensorflow::shape_inference::UnknownShape);
REGISTER_OP("MoescopeCountRouting")
    .Input("category: float")
    .Input("chosen: layers * float")
    .Input("kept: layers * float")
    .Input("gate: layers * float")
    .Input("score: layers * float")
    .Output("sums: float")
    .Attr("layers: int >= 1")
    .Attr("droppable: bool")
    .Attr("scores_are_shares: bool")
    .SetShapeFn(tensorflow::shape_inference::UnknownShape);
REGISTER_KERNEL_BUILDER(Name("MoescopeRoutePlan").Device(tensorflow::DEVICE_CPU), RoutePlan);
REGISTER_KERNEL_BUILDER(Name("MoescopeCombine").Device(tensorflow::DEVICE_CPU), Combine);
REGISTER_KERNEL_BUILDER(Name("MoescopeCombineGrad").Device(tensorflow::DEVICE_CPU), CombineGrad);
REGISTER_KERNEL_BUILDER(Name("MoescopeCountRouting").Device(tensorflow::DEVICE_CPU), CountRouting);

}  // namespace
}  // namespace moescope
