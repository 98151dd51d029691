//! When a run is kept, and when it is given up: arguments of `run` that each worker gets as they are.

use crate::train::Pace;
use clap::Args;
use std::time::Duration;

/// Arguments about checkpoints and stalls.
#[derive(Args, Clone)]
pub(in crate::cli) struct KeepArgs {
    /// Commit a checkpoint after every N steps too; it is always done at the end of an epoch.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    checkpoint_steps: Option<u64>,
    /// Commit a checkpoint at least after so many seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 300)]
    checkpoint_secs: u64,
    /// Give a run up if no step ends for so many seconds and for much longer than ever before; 0 waits for ever.
    #[arg(long, value_name = "SECONDS", default_value_t = 600)]
    stall_secs: u64,
    /// Begin unfinished runs again from nothing, whatever checkpoints there are.
    #[arg(long)]
    restart: bool,
}

impl KeepArgs {
    /// As arguments of a worker.
    pub(super) fn arguments(&self) -> Vec<String> {
        let mut arguments = vec![
            format!("--checkpoint-secs={}", self.checkpoint_secs),
            format!("--stall-secs={}", self.stall_secs),
        ];
        let steps = self.checkpoint_steps;
        arguments.extend(steps.map(|n| format!("--checkpoint-steps={n}")));
        arguments.extend(self.restart.then(|| "--restart".to_owned()));
        arguments
    }

    pub(super) fn pace(&self) -> Pace {
        Pace {
            steps: self.checkpoint_steps,
            every: Duration::from_secs(self.checkpoint_secs),
            ..Pace::default()
        }
        .on_trial()
    }

    pub(super) fn stall(&self) -> Option<Duration> {
        (self.stall_secs > 0).then(|| Duration::from_secs(self.stall_secs))
    }

    pub(super) const fn restart(&self) -> bool {
        self.restart
    }
}
