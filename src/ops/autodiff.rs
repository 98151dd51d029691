//! The kernels on burn's autodiff backend: what each forward pass keeps, and its gradient by hand. The numeric work is
//! the inner backend's; nothing here knows which one that is.

use super::{AdamStep, Kernels, Window};
use burn::backend::autodiff::NodeId;
use burn::backend::autodiff::checkpoint::{base::Checkpointer, strategy::CheckpointStrategy};
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::{Autodiff, AutodiffBackend, tensor::FloatTensor};

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
    type State = (NodeId, NodeId, Window);

    fn backward(
        self,
        ops: Ops<Self::State, 3>,
        grads: &mut Gradients,
        checkpointer: &mut Checkpointer,
    ) {
        let grad = grads.consume::<B>(&ops.node);
        let parents = ops.parents.map(|parent| parent.map(|node| node.id));
        let (x, w, window) = ops.state;
        let x = checkpointer.retrieve_node_output(x);
        let w = checkpointer.retrieve_node_output(w);
        let given = B::conv_backward(grad, x, w, window, parents[0].is_some());
        register3::<B>(parents, given, grads);
    }
}

#[derive(Debug)]
struct NormBackward;

impl<B: Kernels> Backward<B, 3> for NormBackward {
    type State = (NodeId, NodeId, Saved<B>, Saved<B>, Saved<B>, bool);

    fn backward(
        self,
        ops: Ops<Self::State, 3>,
        grads: &mut Gradients,
        checkpointer: &mut Checkpointer,
    ) {
        let grad = grads.consume::<B>(&ops.node);
        let parents = ops.parents.map(|parent| parent.map(|node| node.id));
        let (x, gamma, y, mean, inv_std, relu) = ops.state;
        let x = checkpointer.retrieve_node_output(x);
        let gamma = checkpointer.retrieve_node_output(gamma);
        let given = B::norm_backward(grad, y, x, gamma, mean, inv_std, relu);
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

impl<B: Kernels, C: CheckpointStrategy> Kernels for Autodiff<B, C> {
    fn conv_forward(
        x: FloatTensor<Self>,
        w: FloatTensor<Self>,
        b: FloatTensor<Self>,
        window: Window,
    ) -> FloatTensor<Self> {
        let nodes = [x.node(), w.node(), b.node()];
        match ConvBackward.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(mut prep) => {
                let state = (prep.checkpoint(&x), prep.checkpoint(&w), window);
                let (x, w, b) = (x.into_primitive(), w.into_primitive(), b.into_primitive());
                prep.finish(state, B::conv_forward(x, w, b, window))
            }
            OpsKind::UnTracked(prep) => {
                let (x, w, b) = (x.into_primitive(), w.into_primitive(), b.into_primitive());
                prep.finish(B::conv_forward(x, w, b, window))
            }
        }
    }

    fn conv_backward(
        _: FloatTensor<Self>,
        _: FloatTensor<Self>,
        _: FloatTensor<Self>,
        _: Window,
        _: bool,
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
                let (y, mean, inv_std) =
                    B::norm_forward(x, gamma, beta.into_primitive(), epsilon, relu);
                let state = (
                    saved_x,
                    saved_gamma,
                    y.clone(),
                    mean.clone(),
                    inv_std.clone(),
                    relu,
                );
                (
                    prep.finish(state, y),
                    Self::from_inner(mean),
                    Self::from_inner(inv_std),
                )
            }
            OpsKind::UnTracked(prep) => {
                let (x, gamma) = (x.into_primitive(), gamma.into_primitive());
                let (y, mean, inv_std) =
                    B::norm_forward(x, gamma, beta.into_primitive(), epsilon, relu);
                (
                    prep.finish(y),
                    Self::from_inner(mean),
                    Self::from_inner(inv_std),
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
        panic!("`sum_of_squares` looks at gradients and has none of its own")
    }
}

fn first_order_only<T>() -> T {
    panic!("gradients of gradients are not supported")
}
