//! The kernels on burn's autodiff backend: what each forward pass keeps, and its gradient by hand. The numeric work is
//! the inner backend's; nothing here knows which one that is.

use super::{AdamStep, Kernels, Product, Window};
use crate::plan::Precision;
use burn::backend::autodiff::NodeId;
use burn::backend::autodiff::checkpoint::{base::Checkpointer, strategy::CheckpointStrategy};
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::{Autodiff, AutodiffBackend, TensorMetadata, tensor::FloatTensor};
use burn::tensor::Shape;

type Saved<B> = FloatTensor<B>;
type Triple<B> = (FloatTensor<B>, FloatTensor<B>, FloatTensor<B>);

/// Hands three gradients to those of three parents that want one.
fn register3<B: Kernels>(parents: [Option<NodeId>; 3], given: Triple<B>, grads: &mut Gradients) {
    let given = [given.0, given.1, given.2];
    for (parent, grad) in parents.into_iter().zip(given) {
        if let Some(id) = parent {
            grads.register::<B>(id, grad);
        }
    }
}

#[derive(Debug)]
struct ConvBackward;

impl<B: Kernels> Backward<B, 3> for ConvBackward {
    type State = (NodeId, NodeId, Product);

    fn backward(
        self,
        ops: Ops<Self::State, 3>,
        grads: &mut Gradients,
        checkpointer: &mut Checkpointer,
    ) {
        let grad = grads.consume::<B>(&ops.node);
        let parents = ops.parents.map(|parent| parent.map(|node| node.id));
        let (x, w, product) = ops.state;
        let x = checkpointer.retrieve_node_output(x);
        let w = checkpointer.retrieve_node_output(w);
        let want = [parents[0].is_some(), parents[2].is_some()];
        let given = B::conv_backward(grad, x, w, product, want);
        register3::<B>(parents, given, grads);
    }
}

#[derive(Debug)]
struct NormBackward;

/// What the gradient of batch norm needs.
#[derive(Clone, Debug)]
struct Normed<B: Kernels> {
    x: NodeId,
    gamma: NodeId,
    y: Saved<B>,
    statistics: Saved<B>,
    relu: bool,
    /// Stands for `x` in a skip connection. It is in no graph: `AddBackward` files its gradient under its name.
    skip: FloatTensor<Autodiff<B>>,
}

impl<B: Kernels> Backward<B, 3> for NormBackward {
    type State = Normed<B>;

    fn backward(
        self,
        ops: Ops<Self::State, 3>,
        grads: &mut Gradients,
        checkpointer: &mut Checkpointer,
    ) {
        let grad = grads.consume::<B>(&ops.node);
        let parents = ops.parents.map(|parent| parent.map(|node| node.id));
        let kept = ops.state;
        let x = checkpointer.retrieve_node_output(kept.x);
        let gamma = checkpointer.retrieve_node_output(kept.gamma);
        let skipped = grads.remove::<B>(&kept.skip);
        let skipped = skipped.unwrap_or_else(|| {
            B::float_empty(Shape::new([0]), &kept.y.device(), kept.y.dtype().into())
        });
        let given = B::norm_backward(grad, skipped, kept.y, x, gamma, kept.statistics, kept.relu);
        register3::<B>(parents, given, grads);
    }
}

#[derive(Debug)]
struct PoolBackward;

impl<B: Kernels> Backward<B, 1> for PoolBackward {
    type State = (NodeId, Window);

    fn backward(
        self,
        ops: Ops<Self::State, 1>,
        grads: &mut Gradients,
        checkpointer: &mut Checkpointer,
    ) {
        let grad = grads.consume::<B>(&ops.node);
        let (x, window) = ops.state;
        if let [Some(parent)] = ops.parents {
            let x = checkpointer.retrieve_node_output(x);
            grads.register::<B>(parent.id, B::pool_backward(grad, x, window));
        }
    }
}

#[derive(Debug)]
struct AddBackward;

impl<B: Kernels> Backward<B, 2> for AddBackward {
    type State = (Saved<B>, NodeId, usize, bool);

    fn backward(self, ops: Ops<Self::State, 2>, grads: &mut Gradients, _: &mut Checkpointer) {
        let grad = grads.consume::<B>(&ops.node);
        let (y, b, channels, relu) = ops.state;
        let (grad_a, grad_b) = B::add_backward(grad, y, channels, relu);
        if let [Some(a), _] = ops.parents {
            grads.register::<B>(a.id, grad_a);
        }
        // Also if it is in no graph: then it is the skip of a batch norm, which looks for it.
        grads.register::<B>(b, grad_b);
    }
}

impl<B: Kernels, C: CheckpointStrategy> Kernels for Autodiff<B, C> {
    fn conv_forward(
        x: FloatTensor<Self>,
        w: FloatTensor<Self>,
        b: FloatTensor<Self>,
        product: Product,
    ) -> FloatTensor<Self> {
        let nodes = [x.node(), w.node(), b.node()];
        match ConvBackward.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(mut prep) => {
                let state = (prep.checkpoint(&x), prep.checkpoint(&w), product);
                let (x, w, b) = (x.into_primitive(), w.into_primitive(), b.into_primitive());
                prep.finish(state, B::conv_forward(x, w, b, product))
            }
            OpsKind::UnTracked(prep) => {
                let (x, w, b) = (x.into_primitive(), w.into_primitive(), b.into_primitive());
                prep.finish(B::conv_forward(x, w, b, product))
            }
        }
    }

    fn conv_pack(
        _: FloatTensor<Self>,
        _: FloatTensor<Self>,
        _: FloatTensor<Self>,
        _: Precision,
    ) -> FloatTensor<Self> {
        panic!("packed weights stand still and have no gradient")
    }

    fn conv_packed(
        _: FloatTensor<Self>,
        _: FloatTensor<Self>,
        _: FloatTensor<Self>,
        _: [usize; 4],
        _: Product,
        _: bool,
    ) -> FloatTensor<Self> {
        panic!("a convolution in inference form has no gradient")
    }

    fn conv_backward(
        _: FloatTensor<Self>,
        _: FloatTensor<Self>,
        _: FloatTensor<Self>,
        _: Product,
        _: [bool; 2],
    ) -> Triple<Self> {
        first_order_only()
    }

    fn norm_forward(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        epsilon: f64,
        relu: bool,
    ) -> Triple<Self> {
        let nodes = [x.node(), gamma.node(), beta.node()];
        match NormBackward.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(mut prep) => {
                let (saved_x, saved_gamma) = (prep.checkpoint(&x), prep.checkpoint(&gamma));
                let (x, gamma) = (x.into_primitive(), gamma.into_primitive());
                let (y, statistics, skip) =
                    B::norm_forward(x, gamma, beta.into_primitive(), epsilon, relu);
                let skip = Self::from_inner(skip);
                let state = Normed {
                    x: saved_x,
                    gamma: saved_gamma,
                    y: y.clone(),
                    statistics: statistics.clone(),
                    relu,
                    skip: skip.clone(),
                };
                (prep.finish(state, y), Self::from_inner(statistics), skip)
            }
            OpsKind::UnTracked(prep) => {
                let (x, gamma) = (x.into_primitive(), gamma.into_primitive());
                let (y, statistics, skip) =
                    B::norm_forward(x, gamma, beta.into_primitive(), epsilon, relu);
                (
                    prep.finish(y),
                    Self::from_inner(statistics),
                    Self::from_inner(skip),
                )
            }
        }
    }

    fn norm_backward(
        _: FloatTensor<Self>,
        _: FloatTensor<Self>,
        _: FloatTensor<Self>,
        _: FloatTensor<Self>,
        _: FloatTensor<Self>,
        _: FloatTensor<Self>,
        _: bool,
    ) -> Triple<Self> {
        first_order_only()
    }

    fn scale_shift(
        _: FloatTensor<Self>,
        _: FloatTensor<Self>,
        _: FloatTensor<Self>,
        _: bool,
    ) -> FloatTensor<Self> {
        panic!("`scale_shift` is the inference form of batch norm and has no gradient")
    }

    fn pool_forward(x: FloatTensor<Self>, window: Window) -> FloatTensor<Self> {
        match PoolBackward
            .prepare::<C>([x.node()])
            .compute_bound()
            .stateful()
        {
            OpsKind::Tracked(mut prep) => {
                let state = (prep.checkpoint(&x), window);
                prep.finish(state, B::pool_forward(x.into_primitive(), window))
            }
            OpsKind::UnTracked(prep) => prep.finish(B::pool_forward(x.into_primitive(), window)),
        }
    }

    fn pool_backward(_: FloatTensor<Self>, _: FloatTensor<Self>, _: Window) -> FloatTensor<Self> {
        first_order_only()
    }

    fn add_forward(a: FloatTensor<Self>, b: FloatTensor<Self>, relu: bool) -> FloatTensor<Self> {
        let (nodes, name_of_b) = ([a.node(), b.node()], b.id());
        let (a, b) = (a.into_primitive(), b.into_primitive());
        let channels = b.shape()[3];
        match AddBackward.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(prep) => {
                let y = B::add_forward(a, b, relu);
                prep.finish((y.clone(), name_of_b, channels, relu), y)
            }
            OpsKind::UnTracked(prep) => prep.finish(B::add_forward(a, b, relu)),
        }
    }

    fn add_backward(
        _: FloatTensor<Self>,
        _: FloatTensor<Self>,
        _: usize,
        _: bool,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        first_order_only()
    }

    fn adam(
        _: FloatTensor<Self>,
        _: FloatTensor<Self>,
        _: FloatTensor<Self>,
        _: FloatTensor<Self>,
        _: AdamStep,
    ) -> Triple<Self> {
        panic!("an optimizer step works on plain tensors")
    }

    fn sum_of_squares(_: FloatTensor<Self>) -> FloatTensor<Self> {
        panic!("the length of a gradient is taken of plain tensors")
    }
}

fn first_order_only<T>() -> T {
    panic!("gradients of gradients are not supported")
}
