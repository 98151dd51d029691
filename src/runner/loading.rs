//! The images of a run before its first step: progress as events, and an ear for wishes to stop. Reading and decoding may take
//! minutes, has nothing that could be lost, and no step whose end is to be waited for.

use super::stop::Requests;
use super::watch::{Done, TICK};
use super::worker::{WorkerOptions, say};
use crate::data::{self, DataError, Dataset, LoadOptions};
use crate::disk::Disk;
use crate::plan::RunPlan;
use crate::train::Event;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Least time between two events.
const EVENT: Duration = Duration::from_millis(100);

/// Reads the images. If this process is asked to stop meanwhile, calls `asked` from another thread.
pub(super) fn load(
    plan: &RunPlan,
    (options, disk): (&WorkerOptions, &Disk),
    requests: Option<&Requests>,
    asked: &(dyn Fn() + Sync),
) -> Result<Dataset, DataError> {
    let told = Mutex::new(Instant::now());
    let progress = |progress: data::Progress| {
        let Ok(mut told) = told.try_lock() else {
            return;
        };
        if told.elapsed() > EVENT {
            *told = Instant::now();
            let (what, done) = (progress.what.to_owned(), progress.done);
            say(&Event::Preparing {
                what,
                done,
                total: progress.total,
            });
        }
    };
    let load = LoadOptions {
        data_dir: options.data_dir.clone(),
        cache_dir: options.cache_dir.clone(),
        disk: disk.clone(),
        progress: &progress,
    };
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let watcher = scope.spawn(|| watch(requests, &done, asked));
        let loaded = {
            let _done = Done(&done);
            data::load(&plan.data, &load)
        };
        watcher.thread().unpark();
        loaded
    })
}

fn watch(requests: Option<&Requests>, done: &AtomicBool, asked: &(dyn Fn() + Sync)) {
    while !done.load(Ordering::Relaxed) {
        if requests.is_some_and(|requests| requests.count() > 0) {
            return asked();
        }
        std::thread::park_timeout(TICK);
    }
}
