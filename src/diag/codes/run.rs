//! Explanations of how a device can be missing and a run can end without a result.

use super::Explanation;

pub(super) const DEVICE: Explanation = Explanation {
    title: "the device that was asked for cannot be used",
    why: "A device that is asked for by name is the one that is used, or nothing is run: it is never replaced \
          by a slower one. The name is unknown, the program was built without its backend, or libtorch sees \
          no such GPU.",
    wrong: "supcon run spec.yaml --device gpu",
    right: "supcon run spec.yaml --device libtorch:cuda:0",
    fix: "`supcon doctor` says what is there and why not the rest; `--device auto` takes the fastest that is.",
};

pub(super) const DIVERGED: Explanation = Explanation {
    title: "the loss became infinite or not a number",
    why: "The run stopped before the update of that step, so that no weight was spoilt. What was recorded up \
          to there is kept, and the images of the batch are named. An evaluation whose loss is not finite ends a \
          run too, and names its split. The other runs go on.",
    wrong: "optimizer: {name: adam, learning_rate: 100}",
    right: "optimizer: {name: adam, learning_rate: 0.001}",
    fix: "Lower the learning rate or raise the temperature; look at the loss curve before that step.",
};

pub(super) const INTERRUPTED: Explanation = Explanation {
    title: "a signal ended the run",
    why: "Ctrl-C, or another signal, asked the program to stop. The step in hand was finished and the record \
          was left in order. It is no failure: the exit code is 75.",
    wrong: "Ctrl-C during `supcon run spec.yaml`",
    right: "supcon run spec.yaml    # again: trains what is missing",
    fix: "Give the same command again.",
};

pub(super) const KILLED: Explanation = Explanation {
    title: "a signal from outside killed the process of a run",
    why: "Somebody or something ended the process of the run before it could say a word: a person, a scheduler \
          at its time limit, or the system when memory was short and it keeps no count of that. The other runs \
          are not touched.",
    wrong: "kill -9 PID    # of the run's process",
    right: "kill PID       # of `supcon run`: the step is finished and the record is left in order",
    fix: "Look at the limits of the machine and its memory (`dmesg`), then give the same command again.",
};

pub(super) const OUT_OF_MEMORY: Explanation = Explanation {
    title: "memory ran out in the process of a run",
    why: "The kernel counts the processes of a control group that it kills for want of memory, and the count \
          grew while this run trained and died; or the system refused the process more memory, and it ended \
          itself. The limit can be that of the group (a container, a Slurm job), of the process (`ulimit`), or \
          the memory of the machine. The other runs are not touched.",
    wrong: "batch_size: 4096    # needs more memory than there is",
    right: "batch_size: 256",
    fix: "Compare the memory that `supcon plan` names with the limit; use smaller batches or fewer `--jobs`.",
};

pub(super) const NATIVE_CRASH: Explanation = Explanation {
    title: "native code crashed in the process of a run",
    why: "A library outside Rust, mostly libtorch or a driver, ended the process by a signal such as SIGSEGV or \
          SIGABRT. One process for each run keeps that from the other runs; this run's newest checkpoint, if it \
          has one, is kept.",
    wrong: "(no spec should provoke it)",
    right: "supcon run spec.yaml --device cpu    # pure Rust, to see whether the library is the cause",
    fix: "Read the end of the run's `log.txt`, compare with `supcon doctor`, and give the same command again.",
};

pub(super) const CRASH_LOOP: Explanation = Explanation {
    title: "a run crashed five times at the same place and is not begun again",
    why: "Each time that the command was given the process of the run died, and none of the attempts got past \
          the checkpoint of the one before. A sixth would end alike and take the time of the other runs.",
    wrong: "supcon run spec.yaml    # for the sixth time",
    right: "supcon run spec.yaml --retry    # after the cause is mended",
    fix: "Mend the cause of the crash, which the message names and the run's `log.txt` shows; then use `--retry`.",
};

pub(super) const PANIC: Explanation = Explanation {
    title: "the process of a run met a mistake in the program",
    why: "A check inside supcon or its backend failed, and the run was ended rather than continued with wrong \
          numbers. The last lines of the run's `log.txt` say where.",
    wrong: "(no spec should provoke it)",
    right: "(any valid spec)",
    fix: "Report it with the run's `plan.yaml` and `log.txt`; an out-of-memory error of a GPU is named there too.",
};

pub(super) const FAILED: Explanation = Explanation {
    title: "the process of a run ended with an error",
    why: "The process of the run ended before it could say why in its status. The last line of its `log.txt` \
          is the cause that the message shows: often a disk that refused a write, or a missing library.",
    wrong: "supcon run spec.yaml --results /read-only/place",
    right: "supcon run spec.yaml --results results",
    fix: "Read the run's `log.txt`, mend the cause, and give the same command again.",
};

pub(super) const STALLED: Explanation = Explanation {
    title: "the process of a run stood still",
    why: "No step and no batch of an evaluation ended for much longer than any before, so the process was ended rather \
          than left to hang: a stuck kernel, or a disk or network that does not answer. The last checkpoint is kept.",
    wrong: "supcon run spec.yaml --stall-secs 5    # shorter than a step",
    right: "supcon run spec.yaml --stall-secs 600",
    fix: "Give the same command again: it goes on at the last checkpoint. `--stall-secs 0` waits for ever.",
};

pub(super) const COLLAPSED: Explanation = Explanation {
    title: "all embeddings became equal",
    why: "For 50 steps the loss has sat where equal embeddings put it (ln of the batch size), and the embeddings hardly \
          differ: nothing is learnt any more. A healthy run may pass that value at its start, but its embeddings differ.",
    wrong: "optimizer: {name: adam, learning_rate: 1}",
    right: "optimizer: {name: adam, learning_rate: 0.001}",
    fix: "Lower the learning rate, raise the temperature, and see with `supcon preview` that images and labels are right.",
};
