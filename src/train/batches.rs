//! Batches of one epoch, made ahead of the training step on a thread of their own.

use crate::augment::{Augmenter, Moment, Pixels};
use crate::data::Split;
use crate::random;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread::Scope;

/// Batches that may wait for the training step.
const AHEAD: usize = 2;

/// Images and labels of one step.
pub(super) struct Batch {
    pub(super) pixels: Pixels,
    pub(super) labels: Vec<u32>,
    /// Positions in the training split.
    pub(super) indices: Vec<u32>,
}

/// Starts making the batches of one epoch behind the first `done` ones; the last one may be smaller. `first` is the moment
/// of the first batch that is made.
pub(super) fn epoch<'scope>(
    scope: &'scope Scope<'scope, '_>,
    split: &'scope Split,
    augmenter: &'scope Augmenter,
    batch_size: usize,
    first: Moment,
    done: usize,
) -> Receiver<Batch> {
    let (sender, receiver) = sync_channel(AHEAD);
    scope.spawn(move || {
        let order = random::order(first.seed, first.epoch, split.labels.len());
        for (number, indices) in order.chunks(batch_size).skip(done).enumerate() {
            let moment = Moment {
                step: first.step + number as u64,
                ..first
            };
            let pixels = augmenter.train(split.source(), indices, moment);
            let labels = indices.iter().map(|&i| split.labels[i as usize]).collect();
            // A closed channel means that training stopped: nothing is left to do.
            if sender
                .send(Batch {
                    pixels,
                    labels,
                    indices: indices.to_vec(),
                })
                .is_err()
            {
                return;
            }
        }
    });
    receiver
}
