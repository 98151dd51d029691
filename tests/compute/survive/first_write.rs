//! The disk is tried before the first step of a process, wherever it begins: what cannot be kept is not trained.

use super::Bench;
use super::stops::plan_of;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use supcon::record::RecordError;
use supcon::train::{self, Begin, Event, Hooks, Kept, Pace, TrainError};

/// Trains with this keeper; how it ended, and what was done by then: signs of life, finished epochs.
fn train(
    bench: &Bench,
    begin: Begin,
    keep: &mut dyn FnMut(Kept) -> Result<(), RecordError>,
) -> (Result<(), TrainError>, u64, usize) {
    let (plan, data) = plan_of(bench, &[]);
    let (beats, mut epochs) = (AtomicU64::new(0), 0);
    let hooks = Hooks {
        stop: &AtomicBool::new(false),
        beats: &beats,
        sink: &mut |event| epochs += usize::from(matches!(event, Event::EpochEnded { .. })),
        keep,
    };
    let device = &super::super::devices()[0].1;
    let (_, result) = train::run(&plan, &data, device, (begin, Pace::default()), hooks);
    (result, beats.load(Ordering::Relaxed), epochs)
}

#[test]
fn no_process_takes_a_step_before_the_disk_has_taken_a_checkpoint() {
    let bench = Bench::new();
    let (mut moments, mut shared) = (Vec::new(), None);
    let mut keep = |kept| {
        match kept {
            Kept::Moment(moment) => moments.push(moment),
            Kept::Phase(_, phase) => shared = Some(phase),
            Kept::Capsule(_) => panic!("nothing fails here"),
        }
        Ok(())
    };
    let (result, steps, epochs) = train(&bench, Begin::First, &mut keep);
    assert!(result.is_ok() && steps > 10 && epochs == 4, "{result:?}");
    assert_eq!(moments.len(), 1 + epochs);
    // From nothing, behind a phase that another run has finished, and at a checkpoint of its own.
    let shared = Begin::Shared(shared.expect("a phase"));
    let resumed = Begin::Resumed(moments.remove(1));
    for begin in [Begin::First, shared, resumed] {
        let mut full = |_| {
            let (path, source) = ("run".into(), io::ErrorKind::QuotaExceeded.into());
            Err(RecordError::Write { path, source })
        };
        let (result, steps, epochs) = train(&bench, begin, &mut full);
        let refused = matches!(result, Err(TrainError::Record(_)));
        assert!(refused, "{result:?}");
        assert_eq!((steps, epochs), (0, 0));
    }
}
